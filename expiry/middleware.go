package expiry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/symphony-go/symphony/internal/fault"
)

// Middleware returns a handler that does something before or after next, such
// as to trace, measure or limit it. The handler that it returns may also return
// an error without a call of next. It has the shape of a middleware of
// net/http.
type Middleware = func(next Handler) Handler

// wrap returns a handler that runs the handler of an event within the
// middleware. The first middleware is the outermost.
func wrap(all []Middleware) (Handler, error) {
	var mistakes []error
	for i, m := range all {
		if m == nil {
			mistakes = append(mistakes, fmt.Errorf("Use: %w: middleware %d of %d is nil; leave it out", fault.ErrInvalidArgument, i+1, len(all)))
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	h := Handler(callHandler)
	for i, m := range slices.Backward(all) {
		if h = m(h); h == nil {
			return nil, fmt.Errorf("Use: %w: middleware %d of %d returned nil; return a handler that calls next", fault.ErrInvalidArgument, i+1, len(all))
		}
	}
	return h, nil
}

// callHandler calls the handler of the action of e.
func callHandler(ctx context.Context, e Event) error {
	if e.handler == nil {
		return errForeignEvent
	}
	return (*e.handler)(ctx, e)
}

var errForeignEvent = fmt.Errorf("expiry: %w: a middleware passed on an Event that it has made; pass on the one that it received, or a changed copy", fault.ErrInvalidArgument)
