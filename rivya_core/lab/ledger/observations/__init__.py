"""What servers were seen to do, remembered without keys, paths and other private words."""
