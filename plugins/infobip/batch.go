package main

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// batch reads the list of people in a body.
func (d *delivery) batch(text, name string) (body sdk.Object, list []sdk.Object, err error) {
	if body, err = sdk.ParseObject(text); err != nil {
		return nil, nil, err
	}
	there, err := body.Get(name, &list)
	if err == nil && (!there || len(list) == 0) {
		err = sdk.Refusef("%s of the body must be a list of people", name)
	}
	d.judge.sent = list
	return body, list, err
}

// batchCreate refuses people whom Infobip could not recognize, because each
// attempt would create them again.
func (d *delivery) batchCreate(_ *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	_, list, err := d.batch(req.Body, "people")
	for i, one := range list {
		var contact struct{ Email, Phone []json.RawMessage }
		if _, err := one.Get("contactInformation", &contact); err != nil {
			return nil, err
		}
		if one.Text("externalId") == "" && len(contact.Email)+len(contact.Phone) == 0 {
			return nil, sdk.Refusef("person %d of the batch has no externalId, e-mail address or phone number, "+
				"so that an attempt that is repeated would create the person twice", i)
		}
	}
	return nil, err
}

// upsert makes a request of version 3 safe to repeat. Infobip does not document
// what PATCH does with the tags and contacts of an existing person: it may add
// to them or replace them.
func (d *delivery) upsert(_ *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	_, list, err := d.batch(req.Body, "persons")
	for i, item := range list {
		if item.Text("externalId") == "" {
			return nil, sdk.Refusef("person %d of the batch has no externalId, by which the person is found again when the request is repeated", i)
		}
		if req.Method == abi.MethodPatch && adds(item) {
			return nil, sdk.Refusef("person %d of the batch has tags or contactInformation, and Infobip's documentation does not say whether "+
				"PATCH /people/3/persons/upsert adds them or replaces those that are there."+
				" Use PATCH /people/2/persons/batch (batch_update), which adds what is missing, "+
				"or PUT /people/3/persons/upsert (upsert_people_whole), which replaces all", i)
		}
	}
	return nil, err
}

// batchUpdate removes from each item what the person has already, and then the
// items that are empty.
func (d *delivery) batchUpdate(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	return d.each(c, req, func(item sdk.Object, who identity) (bool, *sdk.Response, error) {
		var update sdk.Object
		if there, err := item.Get("update", &update); err != nil || !there || !adds(update) {
			return true, nil, err
		}
		p, resp, err := d.read(c, who)
		if err != nil || p == nil { // Infobip's answer names the missing people
			return true, resp, err
		}
		err = reduce(update, p, false)
		item.Set("update", update)
		return len(update) > 0, resp, err
	})
}

// tagPersons sends only people who lack the tag or, when the tag is removed,
// people who have it.
func (d *delivery) tagPersons(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	segments := strings.Split(strings.TrimSuffix(req.Path+req.URL, "/"), "/")
	tag, err := url.PathUnescape(segments[len(segments)-2])
	if err != nil {
		return nil, sdk.Refusef("the tag in the path: %v", err)
	}
	return d.each(c, req, func(_ sdk.Object, who identity) (bool, *sdk.Response, error) {
		if req.Method == abi.MethodDelete {
			p, resp, err := d.read(c, who)
			return p != nil && p.tagged(tag), resp, err
		}
		p, resp, err := d.known(c, who)
		return err == nil && !p.tagged(tag), resp, err
	})
}

// each asks for every item of a batch whether to send it. If none is left, the
// last answer that was read stands for all.
func (d *delivery) each(
	c *sdk.Call, req *sdk.Request, wanted func(sdk.Object, identity) (bool, *sdk.Response, error),
) (last *sdk.Response, err error) {
	body, list, err := d.batch(req.Body, "people")
	if err != nil {
		return nil, err
	}
	var left []sdk.Object
	for _, item := range list {
		var who identity
		if _, err = item.Get("query", &who); err != nil {
			break
		}
		sent, resp, err2 := wanted(item, who)
		if resp != nil {
			last.Close()
			last = resp
		}
		if err = err2; err != nil {
			break
		}
		if sent {
			left = append(left, item)
		}
	}
	if err == nil && len(left) == 0 && last.Status() < 300 {
		return last, nil
	}
	last.Close()
	if err == nil && len(left) == 0 {
		return d.settled(c, personsPath)
	}
	body.Set("people", left)
	d.judge.sent = left
	req.Body = body.String()
	return nil, err
}
