//! Do second factors hold on every page, and is there no way around them?
