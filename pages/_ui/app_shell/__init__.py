"""What surrounds every page: navigation, header, the page of a damaged database, and patches of Streamlit."""
