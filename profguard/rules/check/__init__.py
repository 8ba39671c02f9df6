"""What rules are checked for beyond loading: doubts (lint), test cases, and how both are told."""
