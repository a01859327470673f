"""Ray: the only room that imports it. What runs on other machines, and the process that hands it to them."""
