package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

const personsPath = "/people/2/persons"

// identity says which person a request is about.
type identity struct {
	Type       string `json:"type"`
	Identifier string `json:"identifier"`
	Sender     string `json:"sender,omitempty"`
}

func (i identity) String() string { return i.Type + " " + sdk.Quote(i.Identifier) }

func identityOf(query map[string]string) identity {
	return identity{query["type"], query["identifier"], query["sender"]}
}

// person is the part of a profile that requests can add to.
type person struct {
	ID      json.Number `json:"id"`
	Tags    []string    `json:"tags"`
	Contact struct {
		Email []struct{ Address string }
		Phone []struct{ Number string }
	} `json:"contactInformation"`
}

func (p *person) tagged(tag string) bool { return slices.Contains(p.Tags, tag) }

// has reports whether the person has a destination. Infobip ignores letter case
// in addresses, and writes numbers as digits only.
func (p *person) has(channel, destination string) bool {
	for _, e := range p.Contact.Email {
		if channel == "email" && strings.EqualFold(e.Address, strings.TrimSpace(destination)) {
			return true
		}
	}
	for _, n := range p.Contact.Phone {
		if channel == "phone" && digits(n.Number) == digits(destination) {
			return true
		}
	}
	return false
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// read asks for one person and returns nil when there is none. The caller must
// close the response in either case.
func (d *delivery) read(c *sdk.Call, who identity) (*person, *sdk.Response, error) {
	if who.Type == "" || who.Identifier == "" {
		return nil, nil, sdk.Refusef("it does not say whom it is about: type, such as ID or EXTERNAL_ID, and identifier are needed")
	}
	req := sdk.Request{Path: personsPath, Query: map[string]string{"type": who.Type, "identifier": who.Identifier}}
	if who.Sender != "" {
		req.Query["sender"] = who.Sender
	}
	resp, err := d.look(c, req)
	if err != nil || nobody(resp) {
		return nil, resp, err
	}
	var found struct {
		person
		Persons []person `json:"persons"` // the other form of the answer is a list of one
	}
	if !resp.Decode("", &found) {
		resp.Close()
		return nil, nil, resp.Bad("the answer is not a person")
	}
	if found.ID == "" && len(found.Persons) == 1 {
		found.person = found.Persons[0]
	}
	if found.ID == "" {
		return nil, resp, nil
	}
	return &found.person, resp, nil
}

// look asks for an object that may be missing.
func (d *delivery) look(c *sdk.Call, req sdk.Request) (*sdk.Response, error) {
	return sdk.Retry(c, req, func(r *sdk.Response) error {
		if nobody(r) {
			return nil
		}
		return d.judge.classify(r)
	})
}

// nobody reports whether an answer says that there is no such person. Infobip
// does not document how it says so: 404, 400 and an empty answer count.
func nobody(r *sdk.Response) bool {
	switch r.Status() {
	case 404, 410:
		return !r.HTML()
	case 400:
		_, err := r.Get("/requestError/serviceException/validationErrors")
		return err != nil && !r.HTML() // a wrong field says nothing about the person
	}
	return r.Status() < 300 && strings.TrimSpace(r.Text(64)) == ""
}

// known reads a person who must exist.
func (d *delivery) known(c *sdk.Call, who identity) (*person, *sdk.Response, error) {
	p, resp, err := d.read(c, who)
	if err == nil && p == nil {
		resp.Close()
		err = sdk.Refusef("Infobip has no such person, or not any more: %s", who)
	}
	return p, resp, err
}

// createPerson checks before each attempt whether the person exists. The SDK's
// own check does not know the ways in which Infobip reports a missing person.
func (d *delivery) createPerson(c *sdk.Call, _ *sdk.Request) (*sdk.Response, error) {
	v := d.judge.webhook.Verify
	if !v.Always && !c.Repeated() {
		return nil, nil
	}
	p, resp, err := d.read(c, identityOf(v.Params))
	if err != nil || p != nil {
		return resp, err
	}
	resp.Close()
	return nil, nil
}

// remove checks, when an earlier attempt may have deleted the object, whether
// it still exists: if it is gone, the webhook has succeeded.
func (d *delivery) remove(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	if !c.Repeated() {
		return nil, nil
	}
	var there bool
	var resp *sdk.Response
	var err error
	list := personsPath
	if abi.MatchPath(personsPath, req.Path+req.URL) {
		var p *person
		p, resp, err = d.read(c, identityOf(req.Query))
		there = p != nil
	} else {
		list = req.Path[:strings.LastIndexByte(req.Path, '/')]
		resp, err = d.look(c, sdk.Request{Path: req.Path})
		there = err == nil && !nobody(resp)
	}
	resp.Close()
	if err != nil || there {
		return nil, err
	}
	return d.settled(c, list)
}

// settled returns an answer for a webhook with nothing left to do and nothing
// to read: the beginning of the list.
func (d *delivery) settled(c *sdk.Call, list string) (*sdk.Response, error) {
	return sdk.Retry(c, sdk.Request{Path: list, Query: map[string]string{"limit": "1"}}, d.judge.classify)
}

// changePerson removes from the body what would change nothing, because Infobip
// adds the tags and contacts that are sent to the existing ones: what the
// person has already or, in a deletion, what the person lacks. If nothing is
// left, the answer is the profile that was read.
func (d *delivery) changePerson(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	body, err := sdk.ParseObject(req.Body)
	if err != nil || !adds(body) {
		return nil, err
	}
	p, resp, err := d.known(c, identityOf(req.Query))
	if err != nil {
		return nil, err
	}
	err = reduce(body, p, req.Method == abi.MethodDelete)
	if err == nil && len(body) == 0 {
		return resp, nil
	}
	resp.Close()
	req.Body = body.String()
	return nil, err
}

// adds reports whether a body has data that Infobip adds to existing data.
func adds(o sdk.Object) bool { return o["tags"] != nil || o["contactInformation"] != nil }

// reduce removes the tags and contacts that the person has already or, with
// had, those that the person lacks.
func reduce(o sdk.Object, p *person, had bool) error {
	if err := sdk.Reduce(o, "tags", func(tag string) bool { return p.tagged(tag) == had }); err != nil {
		return err
	}
	var contact sdk.Object
	if there, err := o.Get("contactInformation", &contact); err != nil || !there {
		return err
	}
	for channel, member := range map[string]string{"email": "address", "phone": "number"} {
		err := sdk.Reduce(contact, channel, func(one map[string]any) bool {
			text, _ := one[member].(string)
			return p.has(channel, text) == had
		})
		if err != nil {
			return err
		}
	}
	o.Set("contactInformation", contact)
	if len(contact) == 0 {
		delete(o, "contactInformation")
	}
	return nil
}
