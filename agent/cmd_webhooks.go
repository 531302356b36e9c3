package main

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func (c *cli) webhooksCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "webhooks [WEBHOOK|APPLICATION]",
		Short: "List the webhooks that a step may name, with what each needs; show one with a sample request",
		Long: "The webhooks of the configuration, and those of the connectors as APPLICATION/WEBHOOK: what each calls, whether it uses or " +
			"makes a link, its price in the tokens of the application's budget, what the account behind the credentials needs, and why one cannot " +
			"be sent. For one webhook it shows everything, and the request for an object that does not exist. Nothing is sent.",
		Args: between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := service.WebhooksRequest{OnDisk: c.onDisk()}
			if len(args) > 0 {
				in.Name = args[0]
			}
			answer, err := ask(cmd.Context(), c, (*control.Client).Webhooks, in)
			if err != nil {
				return err
			}
			one := len(answer.Webhooks) == 1 && answer.Webhooks[0].Name == in.Name
			return c.show(answer, func(w io.Writer) {
				if one {
					printWebhook(w, answer.Webhooks[0])
				} else {
					printWebhooks(w, answer)
				}
				printDivergence(w, answer.RunningAgent, "These are the webhooks of the file.")
			})
		},
	}
}

func printWebhooks(w io.Writer, answer service.WebhooksAnswer) {
	p := pageOf(w)
	if len(answer.Webhooks) > 0 {
		table(w, "WEBHOOK\tAPPLICATION\tCALL\tLINK\tCOST\tNEEDS\tWHAT", func(row func(...any)) {
			for _, one := range answer.Webhooks {
				row(one.Name, one.Application, callOf(one), linkUse(one), cost(one), orDash(needs(one)), whatOf(one))
			}
		})
	}
	for _, problem := range answer.Problems {
		p.blank()
		p.putStyled(red, "", plainText, problem)
	}
	if len(answer.Webhooks) > 0 {
		p.blank()
		p.put("", "More about one, with a sample request: rollcall webhooks WEBHOOK")
	}
}

func callOf(one service.Webhook) string {
	if one.Call.Method == "" {
		return "-"
	}
	return one.Call.Method + " " + one.Call.Path + one.Call.URL
}

// linkUse says what a webhook has to do with the link of its object.
func linkUse(one service.Webhook) string {
	switch {
	case one.Call.LinkKey != "" && one.UsesLink:
		return "uses, makes"
	case one.Call.LinkKey != "":
		return "makes"
	case one.Call.EndsLink:
		return "uses, ends"
	case one.UsesLink:
		return "uses"
	}
	return "-"
}

func cost(one service.Webhook) any {
	if one.Call.Cost == 0 {
		return "-"
	}
	return one.Call.Cost
}

// needs lists what the account and its token must have.
func needs(one service.Webhook) string {
	var parts []string
	if len(one.Call.Rights) > 0 {
		parts = append(parts, strings.Join(one.Call.Rights, ", "))
	}
	if len(one.Call.Scopes) > 0 {
		parts = append(parts, "scopes "+strings.Join(one.Call.Scopes, " "))
	}
	return strings.Join(parts, "; ")
}

// whatOf says what a webhook does, or why it cannot be sent.
func whatOf(one service.Webhook) string {
	if one.Problem != "" {
		return "cannot be sent: " + one.Problem
	}
	what := one.Title
	if what == "" {
		what = one.Call.Description
	}
	if one.From != "" {
		what = strings.TrimSpace(what + " (from " + one.From + ")")
	}
	return what
}

func printWebhook(w io.Writer, one service.Webhook) {
	p := pageOf(w)
	title := one.Name
	if one.Title != "" {
		title += ": " + one.Title
	}
	p.putStyled(plainText, "", bold, title)
	if one.Call.Description != "" {
		p.put("", one.Call.Description)
	}
	if one.Problem != "" {
		p.putStyled(red, "Cannot be sent: ", plainText, one.Problem)
	}
	p.blank()
	for _, line := range [][2]string{
		{"Application: ", strings.TrimSpace(one.Application + inBrackets("connector "+one.Connector))},
		{"Defined at: ", one.Place},
		{"Based on: ", one.From},
		{"Calls: ", callOf(one)},
		{"Link: ", linkSentence(one)},
		{"Values of the object: ", strings.Join(one.Uses, ", ")},
		{"The account needs: ", strings.Join(one.Call.Rights, ", ")},
		{"The token needs the scopes: ", strings.Join(one.Call.Scopes, " ")},
		{"Sent twice: ", twice(one)},
		{"Used by: ", strings.Join(one.UsedBy, ", ")},
	} {
		if line[1] != "" {
			p.put(line[0], line[1])
		}
	}
	if one.Call.Cost > 0 {
		p.put("Price: ", counted(int(one.Call.Cost), "token", "tokens")+" of the application's budget")
	}
	printSample(p, one)
}

func inBrackets(text string) string { return " (" + text + ")" }

func linkSentence(one service.Webhook) string {
	kind := ofKind(one.LinkKind)
	var parts []string
	if one.UsesLink {
		parts = append(parts, "it needs the link"+kind+" of the object to "+one.Application)
	}
	switch {
	case one.Call.LinkRecords != "":
		parts = append(parts,
			"when exactly one result at "+one.Call.LinkRecords+" matches, its key at "+one.Call.LinkKey+" becomes the link"+kind)
	case one.Call.LinkKey != "":
		parts = append(parts, "the key at "+one.Call.LinkKey+" of the answer becomes the link"+kind)
	}
	if one.Call.EndsLink {
		parts = append(parts, "its success ends the link"+kind+", as the record is gone")
	}
	return strings.Join(parts, "; ")
}

// twice says what happens when it is not known whether a call has arrived.
func twice(one service.Webhook) string {
	switch v := one.Call.Verify; {
	case one.Call.Method == "":
		return ""
	case v != nil && v.Always:
		return "the application is asked before each call whether it is done already: " + v.Method + " " + v.Path + v.URL
	case v != nil:
		return "the application is asked before another attempt whether it is done already: " + v.Method + " " + v.Path + v.URL
	case one.Call.Repeatable, one.Call.Method == abi.MethodGet, one.Call.Method == abi.MethodHead:
		return "it does no more than sent once"
	}
	return "it may be done twice, when the answer to the first attempt is lost; verify would tell"
}

func printSample(p *page, one service.Webhook) {
	if one.SampleProblem != "" {
		p.blank()
		p.put("No sample request: ", one.SampleProblem)
	}
	if one.Sample == nil {
		return
	}
	p.blank()
	p.put("", "Sample request, about an object that does not exist:")
	p.put("  ", one.Sample.Method+" "+one.Sample.URL)
	for _, name := range slices.Sorted(maps.Keys(one.Sample.Headers)) {
		p.put("    ", name+": "+one.Sample.Headers[name])
	}
	if one.Sample.Body != "" {
		p.blank()
		p.lines(plainText, "    ", one.Sample.Body)
	}
	p.blank()
	p.put("", "What it sends about somebody: "+ident.Command("test webhook", one.Name)+" --user USER --dry-run")
}
