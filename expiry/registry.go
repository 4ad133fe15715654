package expiry

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/symphony-go/symphony/internal/fault"
)

// Registry holds the handlers by action. A listener handles the actions that
// its registry has when NewListener is called, and leaves all others alone, so
// that services with different handlers share a Redis.
type Registry struct {
	mu       sync.Mutex
	handlers map[string]Handler
}

// NewRegistry makes an empty registry.
func NewRegistry() *Registry { return &Registry{handlers: map[string]Handler{}} }

// On makes h do the work of an action.
//
// If the action already has a handler, ErrExists. If the action is empty or the
// handler is nil, ErrInvalidArgument.
func (r *Registry) On(action string, h Handler) error {
	switch {
	case action == "":
		return fmt.Errorf("expiry: On: %w: the action is empty; give it a name", fault.ErrInvalidArgument)
	case h == nil:
		return fmt.Errorf("expiry: On %q: %w: the handler is nil", action, fault.ErrInvalidArgument)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.handlers[action]; taken {
		return fmt.Errorf("expiry: On %q: %w: the action has a handler; one function must do all of its work", action, fault.ErrExists)
	}
	r.handlers[action] = h
	return nil
}

// OnPayload is Registry.On for work that needs a payload of type P. A trigger
// without one, or with one that does not fit, is a failure: it is tried again,
// since a newer version of the service may read it, and is a dead letter in the
// end.
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

func (r *Registry) snapshot() map[string]Handler {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.handlers)
}
