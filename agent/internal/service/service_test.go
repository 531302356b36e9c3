package service

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/config"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/runtime"
)

func locked(t *testing.T, also ...func(*config.Config)) *runtime.Agent {
	t.Helper()
	cfg := &config.Config{
		Agent: config.Agent{StateDir: t.TempDir(), ModulesDir: t.TempDir()}, Store: config.Store{StagingMiB: 1},
		Applications: map[string]config.Application{"crm": {Name: "crm"}},
	}
	for _, change := range also {
		change(cfg)
	}
	a, err := runtime.Lock(t.Context(), cfg, runtime.Settings{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(a.Close)
	return a
}

func opened(t *testing.T, also ...func(*config.Config)) (*Service, *runtime.Agent) {
	t.Helper()
	a := locked(t, also...)
	must(t, a.Open(t.Context()))
	return New(a), a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mistake wants an error that is the caller's own and says something.
func mistake(t *testing.T, err error, says string) {
	t.Helper()
	var own *exit.UsageError
	if !errors.As(err, &own) || !strings.Contains(err.Error(), says) {
		t.Errorf("the error is %v, want a mistake of the caller that says %q", err, says)
	}
}

// TestTheCallerIsJournalled: what somebody changes is written down as theirs.
func TestTheCallerIsJournalled(t *testing.T) {
	s, _ := opened(t)
	ctx := t.Context()
	for _, who := range []Caller{"ada", "grace"} {
		_, err := s.SetSecret(ctx, who, SecretRequest{Name: "of-" + string(who), Value: []byte("x")})
		must(t, err)
	}
	_, err := s.DeleteSecret(ctx, "ada", SecretRequest{Name: "of-grace"})
	must(t, err)
	var lines []string
	for line, err := range s.ExportJournal(ctx, "anybody", Nothing{}) {
		must(t, err)
		lines = append(lines, string(line))
	}
	journal := strings.Join(lines, "\n")
	for _, want := range []string{
		`"by":"ada","text":"set of-ada"`, `"by":"grace","text":"set of-grace"`, `"by":"ada","text":"deleted of-grace"`,
	} {
		if !strings.Contains(journal, want) {
			t.Errorf("no %s in\n%s", want, journal)
		}
	}
	if left, err := s.Secrets(ctx, "anybody", Nothing{}); err != nil || len(left) != 1 || left[0] != "of-ada" {
		t.Errorf("left are %v, %v", left, err)
	}
	state, err := s.VerifyJournal(ctx, "anybody", Nothing{})
	if err != nil || state.Lines != len(lines) {
		t.Errorf("%d lines were exported, and %d verified, %v", len(lines), state.Lines, err)
	}
}

// TestMistakesOfTheCaller: a name that there is not is the caller's mistake, and
// the error says what there is.
func TestMistakesOfTheCaller(t *testing.T) {
	s, a := opened(t)
	ctx := t.Context()
	_, err := s.SetSecret(ctx, "ada", SecretRequest{Name: "token", Value: []byte("x")})
	must(t, err)
	_, err = s.DeleteSecret(ctx, "ada", SecretRequest{Name: "tokem"})
	mistake(t, err, "token")
	for _, err := range s.Links(ctx, "ada", LinksRequest{Application: "cmr"}) {
		mistake(t, err, "crm")
	}
	_, err = s.Run(ctx, "ada", RunRequest{Run: 7})
	mistake(t, err, "there is no run 7")
	_, err = s.Unlink(ctx, "ada", UnlinkRequest{Application: "crm", Key: "1"})
	mistake(t, err, "link of application crm for the key")
	_, err = s.Consent(ctx, "ada", ConsentRequest{Application: "cmr"})
	mistake(t, err, "crm")

	must(t, a.Store().PutLink(ctx, ident.Link{Application: "former", Key: "1", GUID: "g", Automation: "staff"}, "ada"))
	links := 0
	for l, err := range s.Links(ctx, "ada", LinksRequest{Application: "former"}) {
		must(t, err) // it is configured no more, and has links
		if links++; l.Key != "1" || l.Account != nil {
			t.Errorf("the link is %+v", l)
		}
	}
	if links != 1 {
		t.Errorf("%d links", links)
	}
}

// TestResetNeedsALostKey: a master key that opens its secrets is not given up.
func TestResetNeedsALostKey(t *testing.T) {
	_, err := New(locked(t)).ResetSecrets(t.Context(), "ada", ResetRequest{Yes: true})
	mistake(t, err, "the master key opens the stored secrets: there is nothing to reset")
}

// TestListed: items are made as they are read, an error comes last, and who has
// read enough ends it.
func TestListed(t *testing.T) {
	made := 0
	list := listed(func(each func(int) error) error {
		for made = 1; made <= 3; made++ {
			if err := each(made); err != nil {
				return fmt.Errorf("after %d: %w", made, err)
			}
		}
		return errors.New("gone")
	})
	var got []string
	for n, err := range list {
		got = append(got, fmt.Sprint(n, made, err))
	}
	if want := "1 1 <nil>, 2 2 <nil>, 3 3 <nil>, 0 4 gone"; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", got, want)
	}
	for n, err := range list {
		if n > 1 || err != nil {
			t.Errorf("after the end: %d, %v", n, err)
		}
		break
	}
	if made != 1 {
		t.Errorf("%d were made for a reader of one", made)
	}
}
