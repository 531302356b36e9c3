package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/connector"
	"github.com/rollcall-agent/rollcall/agent/internal/exit"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

func (c *cli) keygenCommand() *cobra.Command {
	var out string
	var password bool
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make a minisign key pair to sign connectors with",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var protect connector.Password
			if password {
				protect = c.password(cmd.Context())
			}
			public, err := connector.MakeKeys(out, protect)
			if err != nil {
				return err
			}
			secretFile, publicFile := out+connector.SecretKeySuffix, out+connector.PublicKeySuffix
			made := map[string]string{"secret_key": secretFile, "public_key_file": publicFile, "public_key": public.String()}
			return c.show(made, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "%s: keep it secret\n%s: for trusted_keys in [modules]: %s\n", secretFile, publicFile, public)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "where to write: `NAME`.key and NAME.pub")
	cmd.Flags().BoolVar(&password, "password", false, "protect the secret key with a password that is read from standard input")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// password asks for the password of a key on standard input.
func (c *cli) password(ctx context.Context) connector.Password {
	return func(what string) ([]byte, error) { return c.readSecret(ctx, what) }
}

func (c *cli) signCommand() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "Sign a connector: FILE.minisig is written beside it",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, id, err := connector.Sign(cmd.Context(), args[0], key, c.password(cmd.Context()))
			if err != nil {
				return err
			}
			out := args[0] + abi.SignatureSuffix
			signed := map[string]string{"file": out, "connector": m.Manifest.Name, "version": m.Manifest.Version, "key": id}
			return c.show(signed, func(w io.Writer) {
				pageOf(w).put(out+": ", fmt.Sprintf("%s %s, signed by key %s", m.Manifest.Name, m.Manifest.Version, id))
			})
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the `file` of the secret key")
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func (c *cli) verifyCommand() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Tell whether an agent would load a connector, and who signed it",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := connector.PublicKeys(keys)
			if err != nil {
				return &usageError{err}
			}
			v, err := connector.Verify(cmd.Context(), args[0], trusted)
			if err != nil {
				return err
			}
			if err := c.show(v, func(w io.Writer) { printVerified(w, v) }); err != nil {
				return err
			}
			if len(v.Problems) > 0 {
				return exitError(exit.Failed)
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "a trusted public `key`: its text or its .pub file; may be given several times")
	return cmd
}

func printVerified(w io.Writer, v connector.Verified) {
	p := pageOf(w)
	if v.Connector != "" {
		p.put("Connector: ", v.Connector+" "+v.Version)
	}
	p.put("SHA-256: ", v.SHA256)
	p.put("Signature: ", v.Signature)
	for _, problem := range v.Problems {
		p.put("Refused: ", problem)
	}
	switch {
	case len(v.Problems) > 0:
	case v.Signed():
		p.put("", "An agent that trusts this key would load it.")
	default:
		p.put("", "No signature was checked: an agent would load it only with allow_unsigned = true. Give --key.")
	}
}
