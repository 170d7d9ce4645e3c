"""Streamlit-only parts that pages share; nothing here talks HTTP or SQL."""
