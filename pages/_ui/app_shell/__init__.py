"""What stands around every page, and how Streamlit is made to keep what was pressed."""
