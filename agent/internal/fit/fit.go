// Package fit combines the configuration with the manifest of a connector. It
// says what an automation or an application becomes, what does not fit together,
// what deserves a warning, and which calls, scopes and hosts are needed.
//
// It only decides. It loads no connector, reads no secret and contacts no
// server: the caller passes in the manifest and the time. Running an automation
// and validating the configuration use the same functions, and so get the same
// answers.
package fit
