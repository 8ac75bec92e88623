"""The public change log: what customers are told about a change, after it worked."""
