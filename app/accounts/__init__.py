"""Who somebody is: users, their sign-ins and their API keys."""
