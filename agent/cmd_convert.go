package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/completion"
	"github.com/rollcall-agent/rollcall/agent/internal/convert"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/localfile"
)

// maxMacros bounds the file of --file, in bytes.
const maxMacros = 4 << 20

func (c *cli) convertCommand() *cobra.Command {
	var file, place, missing string
	cmd := &cobra.Command{
		Use:   "convert-macro TEXT",
		Short: "The template that says the same as a macro of ADManager Plus",
		Long: "The template that says the same as a text with macros of ManageEngine ADManager Plus, such as " +
			"%ad.sAMAccountName% or %fx.findAndReplace(input:#%ad.mail%#,find:a,replace:b)%. A part that has no equivalent is named " +
			"with its column and what to write instead, and the exit code is 4. A naming format is a choice in a dialog there: write " +
			"what is chosen behind the name of the attribute, as %FirstName:first word:first:1:lower%. With --file each line of a file " +
			"is a text: a line of the answer is the template, and is empty where there is none.",
		Args: between(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			in, err := convertRequest(place, missing)
			if err != nil {
				return err
			}
			switch {
			case len(args) == 1 && file != "":
				return &usageError{errors.New("a text and --file exclude each other")}
			case file != "":
				return c.convertFile(file, in)
			case len(args) == 0:
				return &usageError{errors.New("usage: rollcall convert-macro TEXT, or rollcall convert-macro --file FILE")}
			}
			in.Text = args[0]
			return c.convertText(in)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "convert each line of this file")
	cmd.Flags().StringVar(&place, "for", "", "where the template stands: inbound, the mapping of a data source, or outbound, "+
		"a webhook or a step of an orchestration (default what fits the macros)")
	cmd.Flags().StringVar(&missing, "missing", "strict", "what becomes of a missing value: strict, as elsewhere in rollcall, or empty, "+
		"an empty text as in ADManager")
	c.completeFlag(cmd, "for", completion.Fixed(convert.Places()...))
	c.completeFlag(cmd, "missing", completion.Fixed("strict", "empty"))
	return cmd
}

func convertRequest(place, missing string) (convert.Request, error) {
	if place != "" && !slices.Contains(convert.Places(), place) {
		return convert.Request{}, &usageError{&ident.UnknownNameError{What: "place", Name: place, Known: convert.Places()}}
	}
	if missing != "strict" && missing != "empty" {
		return convert.Request{}, &usageError{fmt.Errorf("--missing %q: it is strict or empty", missing)}
	}
	return convert.Request{For: convert.Place(place), Empty: missing == "empty"}, nil
}

// convertText shows one template on standard output, and all about it elsewhere, so
// that it can be taken from there as it is.
func (c *cli) convertText(in convert.Request) error {
	answer := convert.Convert(in)
	if err := c.show(answer, func(w io.Writer) {
		if len(answer.Without) == 0 {
			_, _ = fmt.Fprintln(w, escaped(answer.Template, "\n\t"))
		}
	}); err != nil {
		return err
	}
	if c.output == "text" {
		c.convertNotes([]convertedLine{{Answer: answer}}, func(_ convertedLine, w convert.Without) string {
			return fmt.Sprintf("column %d: %s", w.Column, w.Part)
		})
	}
	return convertExit(len(answer.Without) > 0)
}

// convertedLine is what became of one line of a file.
type convertedLine struct {
	Line int `json:"line"`
	convert.Answer
}

func (c *cli) convertFile(name string, in convert.Request) error {
	content, err := localfile.Read(name, localfile.Rules{Max: maxMacros})
	if err != nil {
		return err
	}
	var lines []convertedLine
	bad := false
	for i, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
		in.Text = strings.TrimSuffix(line, "\r")
		one := convertedLine{Line: i + 1, Answer: convert.Convert(in)}
		bad = bad || len(one.Without) > 0
		lines = append(lines, one)
	}
	if err := c.show(lines, func(w io.Writer) {
		for _, line := range lines {
			_, _ = fmt.Fprintln(w, escaped(line.Template, "\t"))
		}
	}); err != nil {
		return err
	}
	if c.output == "text" {
		c.convertNotes(lines, func(line convertedLine, w convert.Without) string {
			return fmt.Sprintf("%s:%d:%d: %s", name, line.Line, w.Column, w.Part)
		})
	}
	return convertExit(bad)
}

// convertNotes says on standard error what has no equivalent and what differs, each
// remark once.
func (c *cli) convertNotes(lines []convertedLine, at func(convertedLine, convert.Without) string) {
	p := openPage(c.stderr)
	said := map[string]bool{}
	for _, line := range lines {
		for _, w := range line.Without {
			p.putStyled(red, at(line, w)+": ", plainText, w.Reason())
		}
	}
	for _, line := range lines {
		for _, note := range line.Notes {
			if !said[note] {
				p.put("note: ", note)
			}
			said[note] = true
		}
	}
	if len(lines) == 1 && len(lines[0].Without) == 0 && strings.Contains(lines[0].Template, "{{") {
		p.put("", map[convert.Place]string{
			convert.Inbound:  "It is for the mapping of a data source; --for outbound for a webhook or a step of an orchestration.",
			convert.Outbound: "It is for a webhook or a step of an orchestration; --for inbound for the mapping of a data source.",
		}[lines[0].For])
	}
}

func convertExit(bad bool) error {
	if bad {
		return exitError(exit.Quarantine)
	}
	return nil
}
