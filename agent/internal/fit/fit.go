// Package fit holds the configuration against the manifest of a connector: what
// an automation or an application becomes with it, what does not fit together,
// what somebody should be warned of, and which calls, scopes and hosts are
// needed.
//
// It only decides. It loads no connector, reads no secret and asks nobody: the
// caller brings the manifest and the time. Whoever runs an automation, and
// whoever only checks the configuration, gets the same answer from here.
package fit
