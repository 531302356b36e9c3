package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/command"
	"github.com/rollcall-agent/rollcall/agent/internal/dirstep"
	"github.com/rollcall-agent/rollcall/agent/internal/dispatch"
	"github.com/rollcall-agent/rollcall/agent/internal/mail"
	"github.com/rollcall-agent/rollcall/agent/internal/orchestration"
)

// actors carry out the steps that are no deliveries. A kind that the configuration
// does not allow has none.
func (s *Snapshot) actors() map[orchestration.Kind]dispatch.Actor {
	out := map[orchestration.Kind]dispatch.Actor{orchestration.KindDirectory: s.steps()}
	if s.config.Mail.URL != "" {
		out[orchestration.KindMail] = mailer{s}
	}
	if allow := s.config.Agent.AllowCommands; len(allow) > 0 {
		out[orchestration.KindCommand] = runner{command.New(command.Settings{Allow: allow})}
	}
	return out
}

// steps returns what carries out directory steps.
func (s *Snapshot) steps() *dirstep.Actor {
	return dirstep.New(dirstep.Settings{
		Store: s.store, Servers: s.config.Directory.URLs, Rules: s.writeRules(), Objects: s.writing, Begun: s.begun, Log: s.log, Now: time.Now,
		Connect: s.writable,
		Limits:  s.config.StepLimits,
		People:  func(ctx context.Context) (int, error) { return s.People(ctx, "") },
	})
}

// mailer hands mails to the server of the configuration.
type mailer struct{ snapshot *Snapshot }

// Act sends one mail. Its key is the same for each attempt of one turn of the step,
// and no instance of another state folder has it, in which IDs begin at 1, too.
func (m mailer) Act(ctx context.Context, a dispatch.Action) dispatch.Done {
	done := dispatch.Done{Request: "to " + strings.Join(append(append([]string{}, a.Mail.To...), a.Mail.Cc...), ", ") + ": " + a.Mail.Subject}
	c := m.snapshot.config.Mail
	settings := mail.Settings{URL: c.URL, From: c.From, Username: c.Username, CAFile: c.CAFile}
	if c.Username != "" {
		password, err := m.snapshot.secret(c.Password)(ctx)
		if err != nil {
			done.Result = orchestration.Result{Error: fmt.Sprintf("the password of the mail server cannot be read: %v", err), Retry: true}
			return done
		}
		settings.Password = password
	}
	client, err := mail.New(settings)
	var sent mail.Sent
	if err == nil {
		sent, err = client.Send(ctx, mail.Message{
			Key: fmt.Sprintf("%d-%d-%s-%d", a.Instance.Created.UnixNano(), a.Instance.ID, a.Step, a.Turn),
			To:  a.Mail.To, Cc: a.Mail.Cc, Subject: a.Mail.Subject, Text: a.Mail.Text, HTML: a.Mail.HTML,
		})
	}
	var failed *mail.Error
	switch {
	case err == nil:
		done.Answer = sent.Reply
	case errors.As(err, &failed):
		done.Result = orchestration.Result{Error: failed.Error(), Retry: failed.Temporary(), Unsure: failed.Sent}
	default:
		done.Result = orchestration.Result{Error: err.Error(), Unsure: true}
	}
	return done
}

// runner runs the programs that the configuration allows.
type runner struct{ *command.Runner }

// Act runs one program. What people may see of it is its name: arguments and output
// may be secret.
func (r runner) Act(ctx context.Context, a dispatch.Action) dispatch.Done {
	done := dispatch.Done{Request: fmt.Sprintf("%s with %d arguments", a.Command[0], len(a.Command)-1)}
	result, err := r.Run(ctx, a.Command)
	done.Status, done.Answered = result.Exit, err == nil
	var failed *command.Error
	switch {
	case err == nil:
		if done.Response = []byte(result.Stdout); result.StdoutCut { // a part of an output is none
			done.Response, done.Dropped = nil, fmt.Sprintf("it has more than %d bytes", command.DefaultOutput)
		}
	case errors.As(err, &failed):
		done.Error, done.Retry, done.Unsure, done.Answered = failed.Error(), failed.Temporary(), failed.Started, failed.Started
	default:
		done.Error, done.Unsure = err.Error(), true
	}
	return done
}

var (
	_ dispatch.Actor = mailer{}
	_ dispatch.Actor = runner{}
)

// writable connects for a step that writes: to the preferred domain controller, else to
// the one that the mirror is from, which knows of what began the orchestration.
func (s *Snapshot) writable(ctx context.Context, prefer string) (dirstep.Directory, error) {
	if prefer == "" {
		var err error
		if prefer, err = s.source(ctx); err != nil {
			return nil, err
		}
	}
	return s.pinned(ctx, prefer)
}
