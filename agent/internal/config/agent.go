package config

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"aead.dev/minisign"

	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// Agent is the table [agent]: it says where the daemon keeps its files and where
// it listens. Relative paths have been resolved against the folder of the file
// that sets them.
type Agent struct {
	StateDir   string   `toml:"state_dir"`
	ModulesDir string   `toml:"modules_dir"`
	Include    []string `toml:"include"`
	Listen     string   `toml:"listen"` // host:port of /metrics, /livez and /readyz; "" does not listen
	Log        Log      `toml:"log"`
	// AllowCommands lists the programs that steps may run, by absolute paths.
	AllowCommands []string `toml:"allow_commands"`
}

// Log is the key agent.log.
type Log struct {
	Level  LogLevel  `toml:"level"`
	Format LogFormat `toml:"format"`
}

// LogLevel is the least severe level that still gets logged.
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

// Store is the table [store]. This version knows only SQLite in Agent.StateDir.
type Store struct {
	KeepRuns    Keep `toml:"keep_runs"`    // how long runs and their outcomes are kept
	KeepJournal Keep `toml:"keep_journal"` // how long lines of the journal are kept
	StagingMiB  int  `toml:"staging_mib"`  // the most that one fetch may deliver
}

// Keep says how long something is kept; 0 means forever.
type Keep time.Duration

// minKeep is longer than anything looks back: limits count over 24 hours, and
// their percentages refer to the last seven days.
const minKeep = Keep(30 * 24 * time.Hour)

func (l *loader) checkStore() {
	runs, journal := l.config.Store.KeepRuns, l.config.Store.KeepJournal
	for _, one := range []struct {
		key  string
		keep Keep
	}{{"keep_runs", runs}, {"keep_journal", journal}} {
		if one.keep != 0 && one.keep < minKeep {
			l.fail(path{"store", one.key}, fmt.Sprintf("%s is %s; it must be 30d or more, or forever", one.key, one.keep), "")
		}
	}
	l.inRange(path{"store", "staging_mib"}, l.config.Store.StagingMiB, 1, 1<<20)
	if journal != 0 && (runs == 0 || journal < runs) {
		l.fail(path{"store", "keep_journal"}, fmt.Sprintf("keep_journal is %s and keep_runs is %s: "+
			"the journal is what runs are undone from, so it is kept as long as they are", journal, runs),
			"raise keep_journal, or lower keep_runs")
	}
}

// String returns the text that the configuration would hold: "400d" or
// "forever".
func (k Keep) String() string {
	if k == 0 {
		return forever
	}
	return orchestration.Spell(time.Duration(k))
}

const forever = "forever"

func (k *Keep) parse(v any) error {
	text, _ := v.(string)
	if text == forever {
		*k = 0
		return nil
	}
	d, err := parseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf(`is %v; it must be a time like "400d", or "forever"`, v)
	}
	*k = Keep(d)
	return nil
}

// Secrets is the table [secrets].
type Secrets struct {
	// MasterKey opens the encrypted store. When empty, a key file in
	// Agent.StateDir does.
	MasterKey SecretRef `toml:"master_key"`
}

// Modules is the table [modules]: it says which connectors may be loaded, and
// sets their limits.
type Modules struct {
	TrustedKeys   []string      `toml:"trusted_keys"` // minisign public keys
	AllowUnsigned bool          `toml:"allow_unsigned"`
	MemoryMiB     int           `toml:"memory_mib"`
	CallTimeout   time.Duration `toml:"call_timeout"`
	FetchTimeout  time.Duration `toml:"fetch_timeout"`
	// CompileTimeout and CompileMemoryMiB bound the compilation of one connector.
	CompileTimeout   time.Duration `toml:"compile_timeout"`
	CompileMemoryMiB int           `toml:"compile_memory_mib"`
	AllowDowngrade   []string      `toml:"allow_downgrade"` // names of connectors that may be replaced by an older version
}

func (l *loader) checkAgent() {
	a := &l.config.Agent
	in := path{"agent"}
	for key, dir := range map[string]*string{"state_dir": &a.StateDir, "modules_dir": &a.ModulesDir} {
		*dir = l.relative(in.with(key), *dir)
		if *dir == "" {
			l.fail(in.with(key), key+" is empty", "")
		}
	}
	if a.Listen == "" {
		return
	}
	_, port, err := net.SplitHostPort(a.Listen)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 && port != "0" {
		l.fail(in.with("listen"), fmt.Sprintf("listen is %q; it must be an address and a port", a.Listen), `like "127.0.0.1:9480"`)
	}
}

func (l *loader) checkModules() {
	m := l.config.Modules
	in := path{"modules"}
	l.inRange(in.with("memory_mib"), m.MemoryMiB, 1, 4096)
	l.inRange(in.with("compile_memory_mib"), m.CompileMemoryMiB, 64, 65536)
	for i, text := range m.TrustedKeys {
		var key minisign.PublicKey
		if err := key.UnmarshalText([]byte(text)); err != nil && text != "" {
			l.fail(in.with("trusted_keys").item(i), "this is not a minisign public key",
				`it begins with "RW" and is the second line of the .pub file`)
		}
	}
	if len(l.config.Applications) > 0 && len(m.TrustedKeys) == 0 && !m.AllowUnsigned {
		l.warnKey(in, "no connector can be loaded: no key is trusted and unsigned ones are not allowed",
			"set trusted_keys or allow_unsigned in [modules]")
	}
}
