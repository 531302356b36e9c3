package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/consent"
	"github.com/rollcall-agent/rollcall/agent/internal/control"
	"github.com/rollcall-agent/rollcall/agent/internal/service"
)

func (c *cli) authorizeCommand() *cobra.Command {
	var port int
	var redirect string
	var paste bool
	cmd := &cobra.Command{
		Use:   "authorize APPLICATION",
		Short: "Ask for the consent that an application with auth = \"oauth2\" needs",
		Long: "It prints an address to open in a browser, waits on this machine for the vendor's answer, and stores the tokens encrypted. " +
			"Vendors send the answer only to a redirect URL that is registered with them, to the letter: " +
			"register http://127.0.0.1:PORT/callback and name the port, or give the registered one with --redirect-url. " +
			"When the browser runs elsewhere, or the redirect URL is not of this machine, paste the address that the browser ends at (--paste).",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.authorize(cmd.Context(), args[0], consent.Way{Port: port, RedirectURL: redirect, Paste: paste})
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "listen on this port of 127.0.0.1; 0 is any that is free")
	cmd.Flags().StringVar(&redirect, "redirect-url", "", "the redirect `URL` that is registered with the vendor")
	cmd.Flags().BoolVar(&paste, "paste", false, "do not listen: read the address that the browser ends at from standard input")
	return cmd
}

func (c *cli) authorize(ctx context.Context, application string, back consent.Way) error {
	asked, err := ask(ctx, c, (*control.Client).Consent, service.ConsentRequest{OnDisk: c.onDisk(), Application: application})
	if err != nil {
		return err
	}
	question := consent.Question{AuthURL: asked.AuthURL, ClientID: asked.ClientID, Scopes: asked.Scopes}
	given, err := consent.Ask(ctx, question, back, c.stdin, c.tellConsent)
	if err != nil {
		return fmt.Errorf("authorize %s: %w", application, err)
	}
	done, err := ask(ctx, c, (*control.Client).Authorize, service.AuthorizeRequest{
		OnDisk: c.onDisk(), Application: application,
		Code: given.Code, Verifier: given.Verifier, RedirectURL: given.RedirectURL,
	})
	if err != nil {
		return err
	}
	return c.show(done, func(w io.Writer) {
		p := pageOf(w)
		p.put("", fmt.Sprintf("Authorized: the tokens of %s are stored.", application))
		if done.BaseURL != "" {
			p.put("", fmt.Sprintf("Its API is at %s.", done.BaseURL))
		}
		if !done.Refreshes {
			p.put("", "The vendor gave no refresh token: the access cannot be renewed when it ends.")
		}
	})
}

// tellConsent says where to consent, and what to do afterwards.
func (c *cli) tellConsent(p consent.Prompt) {
	if p.Paste {
		_, _ = fmt.Fprintf(c.stderr, "Open this address in a browser and consent:\n\n%s\n\n"+
			"Then paste the address that the browser ends at (it begins with %s), even if the page cannot be shown:\n", p.URL, p.RedirectURL)
		return
	}
	_, _ = fmt.Fprintf(c.stderr, "Open this address in a browser on this machine and consent:\n\n%s\n\n"+
		"Waiting for the answer at %s, which must be registered with the vendor as redirect URL.\n", p.URL, p.RedirectURL)
}
