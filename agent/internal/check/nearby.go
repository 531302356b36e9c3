package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/localfile"
	"github.com/rollcall-agent/rollcall/agent/internal/receiver"
	"github.com/rollcall-agent/rollcall/agent/internal/secrets"
	"github.com/rollcall-agent/rollcall/agent/internal/statedir"
)

// nearby is what can be found out locally about the files and secrets that a
// configuration names.
type nearby struct {
	wrong    []string // for this user and any other
	warnings []string // may not apply to the agent, which is another process and perhaps another user
}

// lookNearby checks with the rights of the user who runs the command. A file
// that this user may not read may be readable for the agent; a file that does
// not exist is missing for both. Only the agent knows the credentials that
// systemd passes, and the stored secrets.
func lookNearby(ctx context.Context, cfg *config.Config) nearby {
	var n nearby
	resolver := secrets.NewResolver(os.LookupEnv, nil)
	var credentials []string
	for _, s := range cfg.NamedSecrets() {
		kind := s.Ref.Kind
		if _, passed := os.LookupEnv("CREDENTIALS_DIRECTORY"); kind == secrets.KindCred && !passed {
			credentials = append(credentials, s.Ref.Name)
			continue
		}
		if kind == secrets.KindStore || kind == secrets.KindLiteral {
			continue
		}
		secret, err := resolver.Resolve(ctx, s.Ref.Reference)
		if err == nil && s.Receiver {
			err = receiver.CheckSecret(secret.Reveal())
		}
		place := fmt.Sprintf("%s: %s: ", s.Ref.Pos, s.Key)
		switch {
		case err != nil && kind == secrets.KindEnv:
			n.warn(place, "%v; the agent may have an environment of its own", err)
		default:
			n.file(place, s.Ref.Name, err, cfg.Agent.StateDir, kind == secrets.KindFile)
		}
	}
	if info, err := os.Stat(cfg.Agent.StateDir); err == nil && !info.IsDir() {
		n.wrong = append(n.wrong, fmt.Sprintf("%s: [agent] state_dir: %s is a file, and a folder is needed; "+
			"next: name another folder, or move the file away", cfg.Place("agent", "state_dir"), cfg.Agent.StateDir))
	}
	if cfg.Directory.CAFile != "" {
		_, err := localfile.Authorities(cfg.Directory.CAFile)
		place := fmt.Sprintf("%s: [directory] ca_file: ", cfg.Place("directory", "ca_file"))
		n.file(place, cfg.Directory.CAFile, err, cfg.Agent.StateDir, true)
	}
	if len(credentials) > 0 {
		n.warnings = append(n.warnings, fmt.Sprintf("%s: note: systemd passes credentials to the agent only, "+
			"so that these were not looked at: %s (`rollcall validate --online` asks the agent)",
			cfg.Files[0], strings.Join(credentials, ", ")))
	}
	return n
}

func (n *nearby) warn(place, format string, args ...any) {
	where, what, _ := strings.Cut(place, ": ")
	n.warnings = append(n.warnings, where+": warning: "+what+fmt.Sprintf(format, args...))
}

// file reports the result of reading a file. The agent runs as the owner of
// the state folder, so root, who can read everything, checks whether that user
// can.
func (n *nearby) file(place, path string, err error, stateDir string, owned bool) {
	switch {
	case errors.Is(err, fs.ErrPermission):
		n.warn(place, "%v; if the agent runs as another user, check as that one", err)
	case err != nil:
		n.wrong = append(n.wrong, place+err.Error())
	case owned:
		if owner, other := statedir.Owner(stateDir); other {
			if err := localfile.ReadableBy(owner, path); err != nil {
				n.warn(place, "%v (the state folder %s is that user's, so the agent runs as them)", err, stateDir)
			}
		}
	}
}
