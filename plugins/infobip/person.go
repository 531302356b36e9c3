package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
)

const personsPath = "/people/2/persons"

// identity is who a request is about.
type identity struct {
	Type       string `json:"type"`
	Identifier string `json:"identifier"`
	Sender     string `json:"sender,omitempty"`
}

func (i identity) String() string { return i.Type + " " + quote(i.Identifier) }

func (i identity) query() map[string]string {
	q := map[string]string{"type": i.Type, "identifier": i.Identifier}
	if i.Sender != "" {
		q["sender"] = i.Sender
	}
	return q
}

// person is the part of a profile that requests add to.
type person struct {
	ID         json.Number `json:"id"`
	ExternalID string      `json:"externalId"`
	Tags       []string    `json:"tags"`
	Contact    struct {
		Email []struct {
			Address string `json:"address"`
		} `json:"email"`
		Phone []struct {
			Number string `json:"number"`
		} `json:"phone"`
	} `json:"contactInformation"`
}

// has reports whether the person can be reached there. Infobip does not tell
// apart capital letters of addresses, and writes numbers as digits only.
func (p *person) has(channel, destination string) bool {
	if channel == "email" {
		for _, e := range p.Contact.Email {
			if strings.EqualFold(strings.TrimSpace(e.Address), strings.TrimSpace(destination)) {
				return true
			}
		}
	}
	if channel == "phone" {
		for _, n := range p.Contact.Phone {
			if digits(n.Number) == digits(destination) {
				return true
			}
		}
	}
	return false
}

func (p *person) tagged(tag string) bool { return slices.Contains(p.Tags, tag) }

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// read asks for one person; nil when there is none. The documentation does not
// say what Infobip answers then: 404, 400 and an empty answer count as that.
// The response must be closed in either case.
func (d *delivery) read(c *sdk.Call, who identity) (*person, *sdk.Response, error) {
	resp, err := sdk.Retry(c, sdk.Request{Path: personsPath, Query: who.query()}, func(r *sdk.Response) error {
		if nobody(r) {
			return nil
		}
		return d.judge.classify(r)
	})
	if err != nil {
		return nil, nil, err
	}
	if nobody(resp) {
		return nil, resp, nil
	}
	var found struct {
		person
		Persons []person `json:"persons"` // a list of one is the other form of the answer
	}
	if !get(resp, "", &found) {
		resp.Close()
		return nil, nil, bad(resp, "the answer is not a person")
	}
	if found.ID == "" && len(found.Persons) == 1 {
		return &found.Persons[0], resp, nil
	}
	if found.ID == "" {
		return nil, resp, nil
	}
	return &found.person, resp, nil
}

func nobody(r *sdk.Response) bool {
	switch r.Status() {
	case 404, 410:
		return !r.HTML()
	case 400:
		_, err := r.Get("/requestError/serviceException/validationErrors")
		return err != nil && !r.HTML() // a field that is wrong says nothing about the person
	case 200, 204:
		return strings.TrimSpace(r.Text(64)) == ""
	}
	return false
}

// target is the person that the query of a request names.
func (d *delivery) target(c *sdk.Call, req *sdk.Request) (*person, *sdk.Response, error) {
	who := identity{req.Query["type"], req.Query["identifier"], req.Query["sender"]}
	if who.Type == "" || who.Identifier == "" {
		return nil, nil, refuse("params must say whom it is about: type, such as ID or EXTERNAL_ID, and identifier")
	}
	return d.read(c, who)
}

// unknown is the failure of a change of somebody who is not there.
func unknown(who identity) error {
	return refuse("Infobip has no such person, or not any more: %s", who)
}

func (d *delivery) known(c *sdk.Call, req *sdk.Request) (*person, *sdk.Response, error) {
	p, resp, err := d.target(c, req)
	if err == nil && p == nil {
		resp.Close()
		err = unknown(identity{Type: req.Query["type"], Identifier: req.Query["identifier"]})
	}
	return p, resp, err
}

// createPerson looks whether the person is there before each attempt, in place
// of the SDK, which does not know Infobip's ways to say that nobody is.
func (d *delivery) createPerson(c *sdk.Call, _ *sdk.Request) (*sdk.Response, error) {
	v := d.judge.webhook.Verify
	if !v.Always && !d.judge.repeated {
		return nil, nil
	}
	p, resp, err := d.target(c, &sdk.Request{Query: v.Params})
	if err != nil {
		return nil, err
	}
	if p == nil {
		resp.Close()
		return nil, nil
	}
	return resp, nil
}

// addToPerson leaves out what the person has already, as Infobip adds what is
// sent to the tags and contacts that are there.
func (d *delivery) addToPerson(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	body, err := members(req.Body)
	if err != nil || !adds(body) {
		return nil, err
	}
	return d.reduced(c, req, body, false)
}

// takeFromPerson leaves out what the person does not have.
func (d *delivery) takeFromPerson(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	body, err := members(req.Body)
	if err != nil {
		return nil, err
	}
	return d.reduced(c, req, body, true)
}

func (d *delivery) reduced(c *sdk.Call, req *sdk.Request, body object, had bool) (*sdk.Response, error) {
	p, resp, err := d.known(c, req)
	if err != nil {
		return nil, err
	}
	if err := body.reduce(p, had); err != nil {
		resp.Close()
		return nil, err
	}
	if len(body) == 0 {
		return resp, nil
	}
	resp.Close()
	req.Body, err = body.text()
	return nil, err
}

// deletePerson looks for the person when an attempt before may have deleted
// them: gone is what was wanted.
func (d *delivery) deletePerson(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	if !d.judge.repeated {
		return nil, nil
	}
	p, resp, err := d.target(c, req)
	if err == nil && p != nil {
		resp.Close()
		return nil, nil
	}
	return resp, err
}
