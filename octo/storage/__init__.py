"""Everything octo keeps: a store on any S3 service, and the artifacts in it."""
