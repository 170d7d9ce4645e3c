"""The tabs that judge an experiment: measured verdicts, votes, the decision."""
