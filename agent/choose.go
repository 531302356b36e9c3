package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// mostChoices is how many objects of each kind a list to choose from has.
const mostChoices = 15

// interactive reports whether a person at a terminal can be asked.
func (c *cli) interactive() bool {
	in, ok := c.stdin.(*os.File)
	return ok && term.IsTerminal(int(in.Fd())) && c.output == "text"
}

// asker asks a person questions, one line each.
type asker struct {
	page  *page
	lines chan string // what was typed; closed at its end
}

// newAsker reads from the terminal until the command ends: nothing can interrupt a
// read from one.
func (c *cli) newAsker() *asker {
	a := &asker{page: openPage(c.stderr), lines: make(chan string)}
	go func() {
		defer close(a.lines)
		for in := bufio.NewScanner(c.stdin); in.Scan(); {
			a.lines <- in.Text()
		}
	}()
	return a
}

// ask returns a typed line without outer white space. Its error is io.EOF at the
// end of the input, or that of ctx.
func (a *asker) ask(ctx context.Context, prompt string) (string, error) {
	_, _ = fmt.Fprint(a.page, prompt)
	select {
	case line, ok := <-a.lines:
		if !ok {
			_, _ = fmt.Fprintln(a.page)
			return "", io.EOF
		}
		return strings.TrimSpace(line), nil
	case <-ctx.Done():
		_, _ = fmt.Fprintln(a.page)
		return "", context.Cause(ctx)
	}
}

// chooseAndShow lets a person choose an object, and asks again once it has shown
// what would be sent. Without an object the person has left.
func (c *cli) chooseAndShow(ctx context.Context, in service.TestWebhookRequest) (service.TestWebhookRequest, error) {
	a := c.newAsker()
	left := service.TestWebhookRequest{}
	chosen, err := c.chooseObject(ctx, a, in.OnDisk, in.Webhook)
	if errors.Is(err, io.EOF) || err == nil && chosen.GUID == "" {
		return left, nil
	}
	if err != nil {
		return left, err
	}
	in.Kind, in.Object = chosen.Kind, string(chosen.GUID)
	if in.DryRun {
		return in, nil
	}
	trial := in
	trial.DryRun = true
	answer, err := ask(ctx, c, (*control.Client).TestWebhook, trial)
	if err != nil {
		return left, err
	}
	printTrial(a.page, answer)
	a.page.blank()
	switch yes, err := a.ask(ctx, "Send it? [y/N] "); {
	case errors.Is(err, io.EOF):
		return left, nil
	case err != nil:
		return left, err
	case !text.Same(yes, "y") && !text.Same(yes, "yes"):
		a.page.put("", "Nothing was sent.")
		return left, nil
	}
	return in, nil
}

// chooseObject lists users and groups of the scope, by what is typed, until one is
// chosen by its number. An empty line ends it without one.
func (c *cli) chooseObject(ctx context.Context, a *asker, on service.OnDisk, what string) (service.Object, error) {
	const prompt = "The beginning of a name to search, a number to choose, nothing to leave: "
	begin := ""
	for {
		found, err := ask(ctx, c, (*control.Client).Objects, service.ObjectsRequest{OnDisk: on, Begin: begin, Most: mostChoices})
		if err != nil {
			return service.Object{}, err
		}
		a.page.put("", "About whom is "+what+" to be sent?")
		printObjects(a.page, found, begin)
		for {
			typed, err := a.ask(ctx, prompt)
			if err != nil || typed == "" {
				return service.Object{}, err
			}
			n, err := strconv.Atoi(typed)
			if err == nil && n >= 1 && n <= len(found.Objects) {
				return found.Objects[n-1], nil
			}
			if err != nil || len(found.Objects) == 0 {
				begin = typed
				break
			}
			a.page.put("", fmt.Sprintf("The list goes from 1 to %d.", len(found.Objects)))
		}
	}
}

func printObjects(p *page, found service.ObjectsAnswer, begin string) {
	switch {
	case len(found.Objects) == 0 && begin != "":
		p.put("", fmt.Sprintf("No user and no group of the scope has a name that begins with %q.", begin))
	case len(found.Objects) == 0:
		p.put("", "There is no user and no group in the scope.")
	default:
		table(p, "NO\tKIND\tNAME\tDN", func(row func(...any)) {
			for i, o := range found.Objects {
				row(i+1, o.Kind, o.Label, o.DN)
			}
		})
	}
	if found.More {
		p.put("", "There are more: type how the name begins.")
	}
}
