package config

import "time"

// Agent is [agent]: where the daemon keeps its files and where it listens.
// Relative paths were made relative to the file that holds them.
type Agent struct {
	StateDir   string   `toml:"state_dir"`
	ModulesDir string   `toml:"modules_dir"`
	Include    []string `toml:"include"`
	Listen     string   `toml:"listen"` // host:port of /metrics, /livez and /readyz; "" does not listen
	Log        Log      `toml:"log"`
}

// Log is agent.log.
type Log struct {
	Level  LogLevel  `toml:"level"`
	Format LogFormat `toml:"format"`
}

// LogLevel is the least severe level that is logged.
type LogLevel string

// The levels of the log.
const (
	LogDebug LogLevel = "debug"
	LogInfo  LogLevel = "info"
	LogWarn  LogLevel = "warn"
	LogError LogLevel = "error"
)

// LogFormat is the form of the log's lines.
type LogFormat string

// The forms of the log's lines.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Store is [store]. This version knows only SQLite in Agent.StateDir, which
// needs no settings.
type Store struct{}

// Secrets is [secrets].
type Secrets struct {
	// MasterKey opens the encrypted store; empty: a key file in Agent.StateDir.
	MasterKey SecretRef `toml:"master_key"`
}

// Modules is [modules]: which connectors may be loaded, and their limits.
type Modules struct {
	TrustedKeys   []string      `toml:"trusted_keys"` // minisign public keys
	AllowUnsigned bool          `toml:"allow_unsigned"`
	MemoryMiB     int           `toml:"memory_mib"`
	CallTimeout   time.Duration `toml:"call_timeout"`
	FetchTimeout  time.Duration `toml:"fetch_timeout"`
}
