package expiry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/symphony-go/symphony/internal/fault"
)

// Registry maps actions to handlers, and holds the middleware around them. A
// listener handles the actions that its registry has when [NewListener] is
// called, and ignores all others. So services with different handlers can share
// a Redis database. A Registry is safe for concurrent use.
type Registry struct {
	mu         sync.Mutex
	handlers   map[string]Handler
	middleware []Middleware
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{handlers: map[string]Handler{}} }

// On registers h as the handler of an action.
//
// If the action already has a handler, On returns [ErrRegistered]. If the
// action is empty, or h or r is nil, it returns [ErrInvalidArgument].
func (r *Registry) On(action string, h Handler) error {
	switch {
	case r == nil:
		return fmt.Errorf("expiry: On %q: %w: the Registry is nil; make one with NewRegistry", action, fault.ErrInvalidArgument)
	case action == "":
		return fmt.Errorf("expiry: On: %w: the action is empty; pass its name", fault.ErrInvalidArgument)
	case h == nil:
		return fmt.Errorf("expiry: On %q: %w: the handler is nil; pass a function", action, fault.ErrInvalidArgument)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.handlers[action]; taken {
		return fmt.Errorf("expiry: On %q: %w; do all of its work in that one", action, ErrRegistered)
	}
	if r.handlers == nil {
		r.handlers = map[string]Handler{}
	}
	r.handlers[action] = h
	return nil
}

// OnPayload registers h like [Registry.On], and decodes the payload of the
// trigger for it. If the trigger has no payload, or one that does not fit P,
// the attempt fails. It is repeated like any failed attempt, since a newer
// version of the service may be able to decode the payload.
//
// OnPayload returns the errors of [Registry.On].
func OnPayload[P any](r *Registry, action string, h func(ctx context.Context, e Event, payload P) error) error {
	if h == nil {
		return r.On(action, nil)
	}
	return r.On(action, func(ctx context.Context, e Event) error {
		var payload P
		if err := e.Decode(&payload); err != nil {
			return err
		}
		return h(ctx, e, payload)
	})
}

// Use adds middleware around the handlers of all actions, also of those that
// are registered later. The first middleware is the outermost, and those of a
// further call are inside.
//
// [NewListener] calls each middleware once. The handler that it returns runs
// for every attempt of every action; [Event.Action] is the action. It must pass
// on the event that it received, or a changed copy. A value that it adds to the
// context reaches the handler. Its errors and panics are those of the handler.
//
// If a middleware is nil or returns nil, NewListener returns
// [ErrInvalidArgument].
func (r *Registry) Use(middleware ...Middleware) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.middleware = append(r.middleware, middleware...)
}

func (r *Registry) snapshot() (map[string]Handler, []Middleware) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.handlers), slices.Clone(r.middleware)
}
