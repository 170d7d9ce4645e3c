"""What the forms of Generate and Sweep hold before anything is submitted, and what it would cost."""
