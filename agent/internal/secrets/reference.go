package secrets

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
)

// Kind says where a reference points to.
type Kind string

// The kinds of references. KindLiteral is a secret that the configuration itself
// contains.
const (
	KindEnv     Kind = "env"
	KindFile    Kind = "file"
	KindCred    Kind = "cred"
	KindStore   Kind = "store"
	KindDPAPI   Kind = "dpapi"
	KindVault   Kind = "vault"
	KindLiteral Kind = "literal"
)

// Reference says where a secret is.
type Reference struct {
	Kind  Kind
	Name  string // of the variable, file, credential or stored secret; "" for a literal
	Field string // for KindVault: the field within the secret

	literal Secret
}

const knownKinds = `"@{env:NAME}", "@{file:/path}", "@{cred:name}", "@{store:name}", "@{vault:path#field}" or "@{dpapi:name}"`

// errPlain does not repeat the text: it may be the password.
var errPlain = errors.New("a secret must not stand here as plain text; write a reference: " + knownKinds)

var (
	envName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	plainName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)
)

// Parse reads a reference. Plain text is an error; no error repeats the text,
// because it may be the secret itself.
func Parse(text string) (Reference, error) {
	ref, literal, err := ParseOrLiteral(text)
	if err == nil && literal {
		err = errPlain
	}
	if err != nil {
		return Reference{}, err
	}
	return ref, nil
}

// ParseOrLiteral is Parse for a place where plain text is allowed. literal is
// true for plain text: the caller should warn that the configuration contains a
// secret.
func ParseOrLiteral(text string) (ref Reference, literal bool, err error) {
	if !strings.Contains(text, "@{") {
		if text == "" {
			return Reference{}, false, errors.New("the secret is empty; write a reference: " + knownKinds)
		}
		return Reference{Kind: KindLiteral, literal: New(text)}, true, nil
	}
	if !strings.HasPrefix(text, "@{") || !strings.HasSuffix(text, "}") || strings.Count(text, "@{") > 1 {
		return Reference{}, false, errors.New("a reference must be the whole value and end with }: write " + knownKinds)
	}
	kind, name, found := strings.Cut(text[2:len(text)-1], ":")
	if !found {
		return Reference{}, false, errors.New("the reference names no kind: write " + knownKinds)
	}
	ref = Reference{Kind: Kind(kind), Name: name}
	if ref.Kind == KindVault {
		ref.Name, ref.Field, _ = strings.Cut(name, "#")
	}
	if err := ref.check(); err != nil {
		return Reference{}, false, err
	}
	return ref, false, nil
}

func (r Reference) check() error {
	var (
		ok   bool
		rule string
	)
	switch r.Kind {
	case KindEnv:
		ok, rule = envName.MatchString(r.Name), "the name of a variable has letters, digits and _"
	case KindFile:
		ok, rule = filepath.IsAbs(r.Name) && filepath.Clean(r.Name) == r.Name, "the path of the file must be absolute and without . or .."
	case KindCred, KindStore, KindDPAPI:
		ok, rule = plainName.MatchString(r.Name), "the name has letters, digits and . _ -, at most 128, and does not start with a dot"
	case KindVault:
		ok, rule = r.Name != "" && r.Field != "", "a path and a field are needed: path#field"
	default:
		return errors.New("the reference is of no kind that rollcall knows: write " + knownKinds)
	}
	if !ok {
		return fmt.Errorf("reference of kind %s: %s", r.Kind, rule)
	}
	return nil
}

// String returns the reference as the configuration spells it, and "[secret]"
// for a literal.
func (r Reference) String() string {
	switch {
	case r.Kind == KindLiteral:
		return hidden
	case r.Kind == "":
		return ""
	case r.Field != "":
		return fmt.Sprintf("@{%s:%s#%s}", r.Kind, r.Name, r.Field)
	}
	return fmt.Sprintf("@{%s:%s}", r.Kind, r.Name)
}

// Format prints String for every verb.
func (r Reference) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// MarshalText returns String.
func (r Reference) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue returns String.
func (r Reference) LogValue() slog.Value { return slog.StringValue(r.String()) }
