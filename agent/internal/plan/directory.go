package plan

import (
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// directory answers the questions of the jobs about the directory: what
// exists, and what may be changed. It asks the View only once per container
// and object.
type directory struct {
	set     *Settings
	view    directoryView
	scopes  map[ident.DN]bool // whether a container is in scope
	exists  map[ident.DN]bool // whether a container exists
	objects map[ident.DN]bool // whether an object of any kind exists
	groups  map[ident.DN]*group
}

// directoryView is the part of View that a directory reads.
type directoryView interface {
	ChildrenByName(parent ident.DN, cn string) ([]ident.Entry, error)
	ContainerExists(ident.DN) (bool, error)
	ObjectExists(ident.DN) (bool, error)
	Protected(ident.Entry) (reason string, err error)
}

func newDirectory(set *Settings, view directoryView) *directory {
	return &directory{
		set: set, view: view, scopes: map[ident.DN]bool{}, exists: map[ident.DN]bool{}, objects: map[ident.DN]bool{},
		groups: map[ident.DN]*group{},
	}
}

// inScope reports whether an object in the container may be changed.
func (dir *directory) inScope(container ident.DN) bool {
	in, known := dir.scopes[container]
	if known {
		return in
	}
	in = dir.set.Scope.Takes(container)
	dir.scopes[container] = in
	return in
}

// containerExists reports whether a container exists, asking the View once for
// each.
func (dir *directory) containerExists(dn ident.DN) (bool, error) {
	if there, known := dir.exists[dn]; known {
		return there, nil
	}
	there, err := dir.view.ContainerExists(dn)
	if err == nil {
		dir.exists[dn] = there
	}
	return there, err
}

// objectExists reports whether an object exists, asking the View once for
// each.
func (dir *directory) objectExists(dn ident.DN) (bool, error) {
	if there, known := dir.objects[dn]; known {
		return there, nil
	}
	there, err := dir.view.ObjectExists(dn)
	if err == nil {
		dir.objects[dn] = there
	}
	return there, err
}

// untouchable says why an object must not be changed; "" if it may be.
func (dir *directory) untouchable(e ident.Entry) (string, error) {
	if !dir.inScope(e.DN.Parent()) {
		return fmt.Sprintf("%s is outside the scope of [directory]", e.DN), nil
	}
	for _, dn := range dir.set.Allow {
		if sameDN(dn, e.DN) {
			return "", nil
		}
	}
	reason, err := dir.view.Protected(e)
	if err != nil || reason == "" {
		return "", err
	}
	return fmt.Sprintf("%s is protected: %s", e.DN, reason), nil
}

// entryAt returns the object with exactly this DN.
func (dir *directory) entryAt(dn ident.DN) (ident.Entry, bool, error) {
	found, err := dir.view.ChildrenByName(dn.Parent(), dn.Name())
	for _, e := range found {
		if sameDN(e.DN, dn) {
			return e, true, err
		}
	}
	return ident.Entry{}, false, err
}

// unusable says why no account can be put into a container; "" if one can.
func (dir *directory) unusable(to ident.DN) (string, error) {
	if !dir.inScope(to) {
		return "it is outside the scope of [directory]", nil
	}
	there, err := dir.containerExists(to)
	if err == nil && !there {
		return "it does not exist", nil
	}
	return "", err
}

// makeUsable returns the next step for a container that cannot be used.
func (dir *directory) makeUsable(to ident.DN) string {
	if !dir.inScope(to) {
		return "add that OU to scope of [directory], or choose another"
	}
	return "create that OU, or choose another"
}
