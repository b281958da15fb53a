"""What happens to all the data of one account: its export and its deletion."""
