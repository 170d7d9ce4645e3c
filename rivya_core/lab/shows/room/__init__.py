"""Share one show with the people in the local network, until its owner stops it or time is up."""
