package main

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/rollcall-agent/rollcall/sdk"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// batch reads the list of a body with many people.
func batch(text, name string) (body object, list []object, err error) {
	if body, err = members(text); err != nil {
		return nil, nil, err
	}
	there, err := body.inner(name, &list)
	if err == nil && (!there || len(list) == 0) {
		err = refuse("%s of the body must be a list of people", name)
	}
	return body, list, err
}

func (d *delivery) send(req *sdk.Request, body object, name string, list []object) (err error) {
	if err := body.put(name, list); err != nil {
		return err
	}
	d.judge.sent = list
	req.Body, err = body.text()
	return err
}

// batchCreate wants people whom Infobip can recognize: the others would be
// made anew with each attempt.
func (d *delivery) batchCreate(_ *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	_, list, err := batch(req.Body, "people")
	if err != nil {
		return nil, err
	}
	for i, one := range list {
		if !recognizable(one) {
			return nil, refuse("person %d of the batch has no externalId, e-mail address or phone number, so that an attempt that is repeated would create the person twice", i)
		}
	}
	d.judge.sent = list
	return nil, nil
}

func recognizable(o object) bool {
	var external string
	if there, err := o.inner("externalId", &external); err != nil || there && external != "" {
		return err == nil
	}
	var contact struct {
		Email, Phone []json.RawMessage
	}
	there, err := o.inner("contactInformation", &contact)
	return err == nil && there && len(contact.Email)+len(contact.Phone) > 0
}

// who reads the query of an item.
func who(item object, i int) (identity, error) {
	var id identity
	there, err := item.inner("query", &id)
	if err == nil && (!there || id.Type == "" || id.Identifier == "") {
		err = refuse("person %d of the batch needs a query with type and identifier", i)
	}
	return id, err
}

// batchUpdate leaves out of each item what the person has already, and items of
// which nothing is left.
func (d *delivery) batchUpdate(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	body, list, err := batch(req.Body, "people")
	if err != nil {
		return nil, err
	}
	return d.each(req, body, list, func(item object, i int) (*sdk.Response, bool, error) {
		var update object
		if there, err := item.inner("update", &update); err != nil || !there || !adds(update) {
			return nil, true, err
		}
		id, err := who(item, i)
		if err != nil {
			return nil, false, err
		}
		p, resp, err := d.read(c, id)
		if err != nil || p == nil { // Infobip's answer names who is not there
			return resp, true, err
		}
		if err := update.reduce(p, false); err != nil {
			return resp, false, err
		}
		return resp, len(update) > 0, item.put("update", update)
	})
}

// tagPersons sends only those who do not have the tag yet or, when it is taken
// away, those who have it.
func (d *delivery) tagPersons(c *sdk.Call, req *sdk.Request) (*sdk.Response, error) {
	body, list, err := batch(req.Body, "people")
	if err != nil {
		return nil, err
	}
	tag, taken := tagOf(req.Path+req.URL), req.Method == abi.MethodDelete
	return d.each(req, body, list, func(item object, i int) (*sdk.Response, bool, error) {
		id, err := who(item, i)
		if err != nil {
			return nil, false, err
		}
		p, resp, err := d.read(c, id)
		if err == nil && p == nil && !taken {
			err = unknown(id)
		}
		if err != nil || p == nil {
			return resp, false, err
		}
		return resp, p.tagged(tag) == taken, nil
	})
}

// each asks keep about every item and sends those that it keeps. When none is
// left the last answer that keep has read stands for all.
func (d *delivery) each(req *sdk.Request, body object, list []object, keep func(object, int) (*sdk.Response, bool, error)) (*sdk.Response, error) {
	var left []object
	var last *sdk.Response
	for i, item := range list {
		resp, kept, err := keep(item, i)
		if resp != nil {
			last.Close()
			last = resp
		}
		if err != nil {
			last.Close()
			return nil, err
		}
		if kept {
			left = append(left, item)
		}
	}
	if len(left) == 0 {
		return last, nil
	}
	last.Close()
	return nil, d.send(req, body, "people", left)
}

// tagOf is the tag of a path such as /people/2/tags/NAME/persons.
func tagOf(path string) string {
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	name := segments[len(segments)-2]
	if tag, err := url.PathUnescape(name); err == nil {
		return tag
	}
	return name
}
