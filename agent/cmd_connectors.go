package main

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func (c *cli) connectorsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "connectors [NAME]",
		Short: "The connectors found, and why one was refused",
		Args:  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			modules, err := ask(cmd.Context(), c, (*control.Client).Connectors, service.Nothing{})
			if err != nil {
				return err
			}
			c.cautionConnectors(cmd.Context())
			if len(args) == 0 {
				return c.show(modules, func(w io.Writer) { printModules(w, modules) })
			}
			var known []string
			for _, m := range modules {
				known = append(known, m.Manifest.Name)
				if m.Manifest.Name == args[0] {
					return c.show(m, func(w io.Writer) { printModule(w, m) })
				}
			}
			return &usageError{&ident.UnknownNameError{What: "connector", Name: args[0], Known: known, List: "rollcall connectors"}}
		},
	}
}

func printModules(w io.Writer, modules []connector.View) {
	if len(modules) == 0 {
		pageOf(w).put("", "No connector was found: put NAME.wasm files into modules_dir.")
		return
	}
	table(w, "CONNECTOR\tVERSION\tFILE\tSIGNATURE\tSTATE", func(row func(...any)) {
		for _, m := range modules {
			file := m.File
			if pageOf(w).terminal { // if the path would take half of the line
				file = filepath.Base(file)
			}
			row(m.Manifest.Name, m.Manifest.Version, file, m.Signature, stateOf(m))
		}
	})
}

// stateOf says what became of a module file, and which version serves instead.
func stateOf(m connector.View) string {
	state := string(m.State)
	if m.Reason != "" {
		state += ": " + m.Reason
	}
	if m.Before != "" {
		state = fmt.Sprintf("version %s from before is serving; this file is %s", m.Before, state)
	}
	return state
}

func printModule(w io.Writer, m connector.View) {
	f, p := m.Manifest, pageOf(w)
	p.putStyled(plainText, "", bold, fmt.Sprintf("%s %s: %s", f.Name, f.Version, f.Title))
	p.put("", f.Description)
	p.blank()
	p.put("File: ", fmt.Sprintf("%s, %s, SHA-256 %s", m.File, counted(int(m.Size), "byte", "bytes"), m.SHA256))
	p.put("Signature: ", m.Signature)
	p.put("State: ", stateOf(m))
	p.blank()
	table(p, "MAY REACH\tWITH", func(row func(...any)) {
		for _, r := range m.Reach {
			row(r.Host, r.Use)
		}
	})
	p.blank()
	table(w, "AUTH\tTITLE", func(row func(...any)) {
		for _, p := range f.Auth {
			row(p.Kind, p.Title)
		}
	})
	printSecrets(w, f.Secrets)
	printCalls(w, f)
	printAttributes(w, f)
	printLimits(w, f)
	printMayRender(w, f)
	printReceiver(w, f)
}

// printMayRender lists which values the connector may ask for by templates of
// its own, and the macros that it gives to administrators.
func printMayRender(w io.Writer, m abi.Manifest) {
	if len(m.MacroRoots) > 0 {
		p := pageOf(w)
		p.blank()
		p.put("", "May read in templates of its own: "+strings.Join(m.MacroRoots, ", "))
	}
	if len(m.Macros) == 0 {
		return
	}
	_, _ = fmt.Fprintln(w)
	table(w, "MACRO\tEXPRESSION\tDESCRIPTION\tEXAMPLE", func(row func(...any)) {
		for _, one := range m.Macros {
			row("macros."+one.Name, one.Expression, one.Description, one.Example)
		}
	})
}

// printSecrets lists what [applications.NAME.secrets] may hold.
func printSecrets(w io.Writer, all []abi.Secret) {
	if len(all) == 0 {
		return
	}
	_, _ = fmt.Fprintln(w)
	table(w, "SECRET\tTITLE\tREQUIRED", func(row func(...any)) {
		for _, s := range all {
			row(s.Name, s.Title, s.Required)
		}
	})
}

// printCalls lists what the connector can call, what its records are, and
// which rights the credentials need for that.
func printCalls(w io.Writer, m abi.Manifest) {
	if len(m.Endpoints) > 0 {
		_, _ = fmt.Fprintln(w)
		table(w, "ENDPOINT\tCALL\tONE RECORD\tKEY\tRECORDS ARE\tSCOPES\tTITLE", func(row func(...any)) {
			for _, e := range m.Endpoints {
				row(e.Name, e.Method+" "+e.Path+e.URL, orDash(callOfOne(e.One)), orDash(strings.TrimPrefix(e.Key, "/")), orDash(string(e.Audience)),
					orDash(strings.Join(e.Scopes, " ")), e.Title)
			}
		})
	}
	if len(m.Webhooks) > 0 {
		_, _ = fmt.Fprintln(w)
		table(w, "WEBHOOK\tCALL\tSCOPES\tTITLE", func(row func(...any)) {
			for _, h := range m.Webhooks {
				row(h.Name, h.Method+" "+h.Path+h.URL, orDash(strings.Join(h.Scopes, " ")), h.Title)
			}
		})
	}
	rights := func(row func(use, right string)) {
		for _, e := range m.Endpoints {
			for _, r := range e.Rights {
				row("endpoint "+e.Name, r)
			}
		}
		for _, h := range m.Webhooks {
			for _, r := range h.Rights {
				row("webhook "+h.Name, r)
			}
		}
	}
	needed := false
	rights(func(string, string) { needed = true })
	if needed {
		_, _ = fmt.Fprintln(w)
		table(w, "CALL\tTHE ACCOUNT NEEDS", func(row func(...any)) { rights(func(use, right string) { row(use, right) }) })
	}
}

// callOfOne shows the request for a single record; "" when there is none.
func callOfOne(one *abi.One) string {
	if one == nil {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(one.Params)) {
		if strings.Contains(one.Params[name], "{{") {
			return one.Path + one.URL + "?" + name + "=" + one.Params[name]
		}
	}
	return one.Path + one.URL
}

// printAttributes lists the fields of records, endpoint by endpoint.
func printAttributes(w io.Writer, m abi.Manifest) {
	_, _ = fmt.Fprintln(w)
	table(w, "ATTRIBUTE\tTYPE\tENDPOINT\tDESCRIPTION", func(row func(...any)) {
		list := func(endpoint string, attributes []abi.Attribute) {
			for _, a := range attributes {
				description := a.Description
				if a.Value != "" {
					description = strings.TrimSpace(description + " (derived: " + a.Value + ")")
				}
				row("user."+a.Name, a.Type, endpoint, description)
			}
		}
		list("every", m.Attributes)
		for _, e := range m.Endpoints {
			list(e.Name, e.Attributes)
		}
	})
}

// printLimits lists what the API does not support, and how often everything
// else may be called.
func printLimits(w io.Writer, m abi.Manifest) {
	if len(m.Cannot) > 0 {
		p := pageOf(w)
		p.blank()
		p.put("", "What its API cannot do:")
		for _, l := range m.Cannot {
			p.put("  ", l.Operation+": "+l.Reason)
			if l.Path != "" {
				p.put("    refused: ", refusedCall(l))
			}
		}
	}
	if m.RateLimit == "" && len(m.Rates) == 0 {
		return
	}
	_, _ = fmt.Fprintln(w)
	table(w, "CALLS\tAT MOST", func(row func(...any)) {
		if m.RateLimit != "" {
			row("all", m.RateLimit)
		}
		for _, r := range m.Rates {
			row(strings.TrimSpace(r.Method+" "+r.Path), r.Limit)
		}
	})
}

// refusedCall says which requests a limitation refuses.
func refusedCall(l abi.Limitation) string {
	call := strings.TrimSpace(l.Method + " " + l.Path)
	switch {
	case len(l.Only) > 0:
		return call + " with members other than " + strings.Join(l.Only, ", ")
	case len(l.Fields) > 0:
		return call + " with " + strings.Join(l.Fields, " or ")
	}
	return call
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
