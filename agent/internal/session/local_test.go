package session

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

type unreadable struct{}

func (unreadable) Error() string { return "user rollcall cannot read it" }
func (unreadable) Local() bool   { return true }

// TestAPasswordThatCannotBeReadHere is no refused login.
func TestAPasswordThatCannotBeReadHere(t *testing.T) {
	m := abi.Manifest{Auth: []abi.AuthProfile{{Kind: abi.AuthSession, Login: &abi.Login{Path: "/login", Token: "/token"}}}}
	m.Normalize()
	c, err := New(Settings{
		Application: "acme", URL: "https://api.acme.example/login", Username: "reader", Profile: m.Auth[0], HTTP: http.DefaultClient,
		Password: func(context.Context) (string, error) { return "", unreadable{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = header(t, c)
	var failed *credential.Error
	if !errors.As(err, &failed) || !failed.Local() {
		t.Errorf("got %v", err)
	}
}
