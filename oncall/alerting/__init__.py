"""Our alerts in Opsgenie: hearing that somebody answered one there, and closing them once the page is over."""
