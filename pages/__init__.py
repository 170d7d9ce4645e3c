"""The screens of Rivya Lab: one file is one page, parts that pages share are in ``_ui``."""
