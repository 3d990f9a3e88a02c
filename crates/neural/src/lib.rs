//! Nets and their one training loop: tables, pictures, series and texts. Built on burn; everything else builds without it.
