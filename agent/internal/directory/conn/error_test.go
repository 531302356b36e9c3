package conn_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/directory/dctest"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// foreignCA writes the certificate of an authority that issued nothing here.
func foreignCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a foreign CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func password(p string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return p, nil }
}

func TestOpenRefusals(t *testing.T) {
	dc := dctest.Start(t)
	staff := dc.OU("Staff")
	dc.AddUser(t, staff, "Must Change", "mustchange", map[string][]string{"pwdLastSet": {"0"}})
	dc.AddUser(t, staff, "Locked Up", "expired", map[string][]string{"accountExpires": {"132223104000000000"}})
	down := dc.Proxy(t)
	down.Refuse()
	const secret = "s3cret-Never-Shown"
	tests := []struct {
		name   string
		change func(*conn.Settings)
		code   int
		data   string
		words  string // all of them appear in the error
	}{
		{"wrong password", func(s *conn.Settings) { s.Password = password(secret) }, 49, "52e", "bind rollcall@ad.test|bind_password"},
		{"no such user", func(s *conn.Settings) { s.BindDN = "nobody@ad.test"; s.Password = password(secret) }, 49, "52e|525", "nobody@ad.test"},
		{"disabled account", func(s *conn.Settings) {
			s.BindDN = string(staff.Child("Dora Disabled"))
			s.Password = password(dc.UserPassword)
		}, 49, "533", "disabled: enable it"},
		{"must change its password", func(s *conn.Settings) {
			s.BindDN = string(staff.Child("Must Change"))
			s.Password = password(dc.UserPassword)
		}, 49, "773", "must change its password"},
		{"expired account", func(s *conn.Settings) {
			s.BindDN = string(staff.Child("Locked Up"))
			s.Password = password(dc.UserPassword)
		}, 49, "701", "has expired: extend it"},
		{"empty password", func(s *conn.Settings) { s.Password = password("") }, 0, "", "empty|bind_password"},
		{"no password to be had", func(s *conn.Settings) {
			s.Password = func(context.Context) (string, error) { return "", errors.New("no such credential") }
		}, 0, "", "no such credential"},
		{"server down", func(s *conn.Settings) { s.URLs = []string{down.URL} }, conn.CodeNetwork, "", "refused|port|check that the domain controller runs"},
		{"no such host", func(s *conn.Settings) { s.URLs = []string{"ldaps://dc9.invalid"} }, conn.CodeNetwork, "", "dc9.invalid|its name resolves"},
		{
			"foreign CA", func(s *conn.Settings) { s.CAFile = foreignCA(t) }, conn.CodeNetwork, "",
			"file.pem|" + dc.IP + "|dc1.ad.test|rollcall development CA|ca_file",
		},
		{
			"another host's certificate", func(s *conn.Settings) { s.URLs = []string{dc.ProxyOn(t, "127.0.0.1").URL} }, conn.CodeNetwork, "",
			"127.0.0.1|dc1.ad.test, 127.0.0.20|directory.urls",
		},
		{"no TLS there", func(s *conn.Settings) { s.URLs = []string{"ldaps://" + dc.IP + ":389"} }, conn.CodeNetwork, "", "TLS|speaks LDAPS"},
		{"CA file missing", func(s *conn.Settings) { s.CAFile = "/nonexistent/ca.pem" }, 0, "", "/nonexistent/ca.pem|ca_file"},
		{"CA file that is none", func(s *conn.Settings) { s.CAFile = "/dev/zero" }, 0, "", "/dev/zero: a device, not a regular file|ca_file"},
		{"CA file of rubbish", func(s *conn.Settings) { s.CAFile = file(t, "hello") }, 0, "", "no PEM certificate|ca_file"},
		{"CA file in binary form", func(s *conn.Settings) { s.CAFile = binary(t, foreignCA(t)) }, 0, "", "binary form (DER)|openssl x509 -inform der|ca_file"},
		{"CA file with a key", func(s *conn.Settings) {
			s.CAFile = file(t, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
		}, 0, "", "no certificate that can be read|PRIVATE KEY|ca_file"},
		{"CA file that is a folder", func(s *conn.Settings) { s.CAFile = t.TempDir() }, 0, "", "a folder|ca_file"},
		{"plain LDAP", func(s *conn.Settings) { s.URLs = []string{"ldap://" + dc.IP} }, 0, "", "ldaps://"},
		{"no URL", func(s *conn.Settings) { s.URLs = []string{"dc1.ad.test"} }, 0, "", "ldaps://"},
		{"foreign base", func(s *conn.Settings) { s.BaseDN = "DC=example,DC=com" }, 0, "", "DC=example,DC=com|DC=ad,DC=test"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := settings(dc)
			test.change(&s)
			var logs bytes.Buffer
			c, err := conn.Open(t.Context(), s, slog.New(slog.NewTextHandler(&logs, nil)), nil)
			if err == nil {
				c.Close()
				t.Fatal("opened")
			}
			e := asError(t, err)
			if e.Code != test.code || !strings.Contains("|"+test.data+"|", "|"+e.Data+"|") {
				t.Errorf("code %d data %q, want %d %q: %v", e.Code, e.Data, test.code, test.data, err)
			}
			if !strings.Contains(err.Error(), "; next: ") && test.name != "no password to be had" {
				t.Errorf("no next step: %v", err)
			}
			for word := range strings.SplitSeq(test.words, "|") {
				if !strings.Contains(strings.ReplaceAll(err.Error(), `"`, ""), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
			if errors.Is(err, conn.ErrUnavailable) != (test.code == conn.CodeNetwork) || errors.Is(err, conn.ErrOutcomeUnknown) {
				t.Errorf("%v is classified wrongly", err)
			}
			for _, p := range []string{secret, dc.BindPassword, dc.UserPassword} {
				if strings.Contains(err.Error()+logs.String(), p) {
					t.Errorf("a password shows in %q or in the log %q", err, &logs)
				}
			}
		})
	}
}

func TestARefusedPasswordIsTriedOnce(t *testing.T) {
	dc := dctest.Start(t)
	second := dc.Proxy(t)
	s := settings(dc)
	s.URLs = []string{dc.URL, second.URL}
	s.Password = password("wrong")
	if _, err := conn.Open(t.Context(), s, slog.New(slog.DiscardHandler), nil); err == nil {
		t.Fatal("opened")
	}
	if second.Accepted() != 0 {
		t.Error("the password was tried at the second server as well: that locks accounts")
	}
}

// TestResultCodes holds the answers of a real directory: decisions rest on the
// codes, hints on the Windows codes beside them.
func TestResultCodes(t *testing.T) {
	dc := dctest.Start(t)
	admin, agent := openAdmin(t, dc), open(t, settings(dc))
	ou := dc.OU("Codes")
	dc.Add(t, ou, map[string][]string{"objectClass": {"organizationalUnit"}})
	user := func(sam string, more map[string][]string) map[string][]string {
		m := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {sam}}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	dc.Add(t, ou.Child("first"), user("codes1", map[string][]string{"userPrincipalName": {"codes1@ad.test"}, "mail": {"codes1@example.com"}}))
	group := dc.AddGroup(t, ou, "codesgroup", ou.Child("first"))
	first := conn.ByDN(ou.Child("first"))
	add := func(cn, sam string, more map[string][]string) func(context.Context) error {
		return func(ctx context.Context) error { return admin.Add(ctx, ou.Child(cn), user(sam, more)) }
	}
	modify := func(c *conn.Client, target conn.Target, permissive bool, mods ...conn.Mod) func(context.Context) error {
		return func(ctx context.Context) error { return c.Modify(ctx, target, mods, permissive) }
	}
	replace := func(attribute string, values ...string) conn.Mod {
		return conn.Mod{Kind: conn.ReplaceValues, Attribute: attribute, Values: values}
	}
	long := strings.Repeat("x", 300)
	missing := string(ou.Child("missing"))
	tests := []struct {
		name string
		do   func(context.Context) error
		code int
		data string
	}{
		{"DN exists", add("first", "codes2", nil), 68, ""},
		{"sAMAccountName taken, add", add("second", "codes1", nil), 68, "00002071"},
		{"sAMAccountName taken, modify", modify(admin, conn.ByDN(dc.OU("Staff").Child("Hana Made")), false, replace("sAMAccountName", "codes1")), 68, "00002071"},
		{"UPN taken", add("second", "codes2", map[string][]string{"userPrincipalName": {"codes1@ad.test"}}), 19, "0000202F"},
		{"password policy", add("second", "codes2", map[string][]string{"unicodePwd": {dctest.Password("abc")}}), 19, "0000052D"},
		{"password in clear", add("second", "codes2", map[string][]string{"unicodePwd": {"abc"}}), 53, "00002035"},
		{"value too long", modify(admin, first, false, replace("initials", long)), 21, "0000200B"},
		{"empty value", modify(admin, first, false, replace("givenName", "")), 21, ""},
		{"two values on add", add("second", "codes2", map[string][]string{"mail": {"a", "b"}}), 19, "0000202F"},
		{"second value", modify(admin, first, false, conn.Mod{Kind: conn.AddValues, Attribute: "mail", Values: []string{"b"}}), 20, "0000200D"},
		{"unknown attribute", modify(admin, first, false, replace("shoeSize", "44")), 16, ""},
		{"manager does not exist", modify(admin, first, false, replace("manager", missing)), 19, "000020B5"},
		{"parent missing, add", func(ctx context.Context) error {
			return admin.Add(ctx, dc.OU("Nowhere").Child("x"), user("codes3", nil))
		}, 32, "00002030"},
		{"parent missing, move", func(ctx context.Context) error {
			return admin.ModifyDN(ctx, ou.Child("first"), "CN=first", dc.OU("Nowhere"))
		}, 80, "00002095"},
		{"cn modified", modify(admin, first, false, replace("cn", "other")), 67, "00002016"},
		{"the same value", modify(admin, first, false, replace("mail", "codes1@example.com")), 0, ""},
		{"absent attribute deleted", modify(admin, first, false, conn.Mod{Kind: conn.DeleteValues, Attribute: "title"}), 16, ""},
		{"absent attribute deleted, permissive", modify(admin, first, true, conn.Mod{Kind: conn.DeleteValues, Attribute: "title"}), 0, ""},
		{"member there already", modify(admin, conn.ByDN(group), false, conn.Mod{Kind: conn.AddValues, Attribute: "member", Values: []string{string(first.DN)}}), 68, ""},
		{"member missing", modify(admin, conn.ByDN(group), false, conn.Mod{Kind: conn.AddValues, Attribute: "member", Values: []string{missing}}), 32, "00000525"},
		{"no member to remove", modify(admin, conn.ByDN(group), false, conn.Mod{Kind: conn.DeleteValues, Attribute: "member", Values: []string{string(dc.OU("Staff").Child("Hana Made"))}}), 53, ""},
		{"permission denied", modify(agent, first, false, replace("mail", "x@example.com")), 50, ""},
		{"OU not empty", func(ctx context.Context) error { return admin.Delete(ctx, ou) }, 66, "00002015"},
		{"nothing to delete", func(ctx context.Context) error { return admin.Delete(ctx, ident.DN(missing)) }, 32, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.do(t.Context())
			if test.code == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("succeeded")
			}
			if e := asError(t, err); e.Code != test.code || test.data != "" && e.Data != test.data {
				t.Errorf("code %d data %q, want %d %q: %v", e.Code, e.Data, test.code, test.data, err)
			}
			if errors.Is(err, conn.ErrOutcomeUnknown) || errors.Is(err, conn.ErrUnavailable) {
				t.Errorf("%v: an answer came, the outcome is known", err)
			}
		})
	}
}

// binary is the first certificate of a PEM file as DER.
func binary(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	return file(t, string(block.Bytes))
}
