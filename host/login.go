package host

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/rollcall-agent/rollcall/host/internal/web"
)

// Logins say where an application's credentials may be fetched: token URLs, and
// the calls that open a session. What a client's id and secret, or a password,
// is sent to is held to the rules of all other requests.
type Logins struct {
	Hosts []string // of the manifest
	URLs  []string // that the configuration names: base_url, auth_url, token_url; "" is none
	Proxy string   // as Application.Proxy
}

func (l Logins) rules() (web.Rules, error) {
	var urls []string
	for _, u := range l.URLs {
		if u != "" {
			urls = append(urls, u)
		}
	}
	return web.NewRules(l.Hosts, nil, urls)
}

// Check reports why nothing is sent to a URL; nil when it may be. The addresses
// that its name leads to are looked at when a connection is made.
func (l Logins) Check(text string) error {
	rules, err := l.rules()
	if err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("it is not a URL")
	}
	return rules.Check(u)
}

// Transport sends single requests to where Check allows it. An error of a
// request that was not sent for that has a method Refused that answers true.
func (l Logins) Transport() (http.RoundTripper, error) {
	rules, err := l.rules()
	if err != nil {
		return nil, err
	}
	return web.Guard(web.Network{Rules: rules, Proxy: l.Proxy})
}
