"""What is wrong with a site file that is valid, found before anything is counted by it."""
