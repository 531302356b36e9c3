package host

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/rollcall-agent/rollcall/host/internal/web"
)

// Logins decides where an application's credentials may be fetched: at token
// URLs, and by the calls that open a session. Requests that carry a client's id
// and secret, or a password, follow the same rules as all others.
type Logins struct {
	Hosts []string // from the manifest
	URLs  []string // from the configuration: base_url, auth_url, token_url; "" is none
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

// Check returns why nothing may be sent to a URL; nil when it may. It does not
// resolve the name: its addresses are checked when a connection is made.
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

// Transport returns a transport for single requests to URLs that Check allows.
// If it refuses a request, the error has a method Refused that returns true.
func (l Logins) Transport() (http.RoundTripper, error) {
	rules, err := l.rules()
	if err != nil {
		return nil, err
	}
	return web.Guard(web.Network{Rules: rules, Proxy: l.Proxy})
}
