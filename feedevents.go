package symphony

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/feed"
)

const (
	keepAlive     = 15 * time.Second // between two comments to a client without events
	clientTimeout = 15 * time.Second // how long a client may take to receive an event
)

// ServeEvents serves a feed as Server-Sent Events, which a browser reads with
// an EventSource, until the feed ends or the client leaves. The data of an
// event is the value as [encoding/json] writes it, and its id is the cursor.
//
// A browser that connects again sends the cursor of the last event in the
// header Last-Event-ID, and gets the events after it. A page that is loaded
// again passes a cursor as the query parameter "after" of the URL. The header
// wins.
//
// The last event of a feed that has ended has the type "end", and no data. A
// client should close its EventSource then. If it connects again, the response
// is 204 No Content, which ends the attempts of a browser.
//
// The other responses are 400 Bad Request if the cursor is not one of a feed or
// the id cannot be part of a key, 410 Gone if entries after the cursor are not
// there any more (see [ErrGone]), and 503 Service Unavailable if the feed
// cannot be read. If entries are lost later, an event of the type "gone" is the
// last one. A client that gets it, or a 410, begins again without a cursor.
//
// A value that does not fit T, or that cannot be written as JSON, also ends the
// response. Other failures do not: ServeEvents reads again until it succeeds.
//
// ServeEvents sends a comment every 15 seconds without an event. It ends if the
// client takes longer than 15 seconds to receive an event. It does not limit
// how long a response takes, and removes such a limit of the server. It checks
// no permission: its caller decides that the client may read the feed.
//
// It returns nil if the feed ended or the client left, and otherwise the error
// for which the response ended. The response is complete in any case.
func (f *Feed[T]) ServeEvents(w http.ResponseWriter, r *http.Request, id string) error {
	if err := f.made(); err != nil {
		return refuse(w, err)
	}
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	_, entries, ended, err := f.core.Read(r.Context(), "ServeEvents", id, after, 1)
	switch {
	case err != nil:
		return refuse(w, err)
	case ended && len(entries) == 0:
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of nginx
	s := &eventStream{w: w, control: http.NewResponseController(w)}
	defer s.removeDeadline()
	s.write(": ok\n\n") // a browser learns that it is connected
	s.flush()
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	return s.follow(ctx, followedEvents(ctx, f, id, after))
}

// refuse responds to a client whose feed cannot be read, and returns the error.
func refuse(w http.ResponseWriter, err error) error {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, ErrInvalidCursor), errors.Is(err, ErrInvalidKey):
		status = http.StatusBadRequest
	case errors.Is(err, ErrGone):
		status = http.StatusGone
	}
	if w == nil {
		return err
	}
	http.Error(w, http.StatusText(status), status)
	return err
}

// followedEvents follows a feed until it ends or ctx ends. It closes the
// channel then.
func followedEvents[T any](ctx context.Context, f *Feed[T], id, after string) <-chan event {
	events := make(chan event, 16)
	go func() {
		defer close(events)
		f.core.Follow(ctx, "ServeEvents", id, after, func(t fault.Target, e feed.Entry, err error) bool {
			next := event{err: err, last: errors.Is(err, ErrGone) || errors.Is(err, ErrClosed)}
			if err == nil {
				next = encodeEvent(f, t, e)
			}
			select {
			case events <- next:
				return !next.last
			case <-ctx.Done():
				return false
			}
		})
	}()
	return events
}

// event is an event for a client, or the error of its entry.
type event struct {
	text string
	err  error
	last bool // with err: the response ends
}

func encodeEvent[T any](f *Feed[T], t fault.Target, e feed.Entry) event {
	var entry Entry[T]
	if err := f.decode(t, &e, &entry); err != nil {
		return event{err: err, last: true}
	}
	data, err := json.Marshal(entry.Value)
	if err != nil {
		return event{err: t.NotApplied(err), last: true}
	}
	return event{text: "id: " + string(entry.Cursor) + "\ndata: " + string(data) + "\n\n"} // JSON has no line break
}

// eventStream is the body of a response. After an error, its methods do
// nothing.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

// follow writes events until there are no more, or the client leaves.
func (s *eventStream) follow(ctx context.Context, events <-chan event) error {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for s.err == nil && ctx.Err() == nil {
		select {
		case e, open := <-events:
			tick.Reset(keepAlive)
			switch {
			case !open && ctx.Err() != nil:
				return nil
			case !open:
				s.write("event: end\ndata:\n\n")
			case errors.Is(e.err, ErrGone):
				s.write("event: gone\ndata:\n\n")
			default:
				s.write(e.text)
			}
			if len(events) == 0 {
				s.flush()
			}
			if !open || e.last {
				return e.err
			}
		case <-tick.C:
			s.write(":\n\n")
			s.flush()
		case <-ctx.Done():
		}
	}
	return nil
}

// write writes a text within clientTimeout.
func (s *eventStream) write(text string) {
	if s.err != nil || text == "" {
		return
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(clientTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.err = err
		return
	}
	_, s.err = io.WriteString(s.w, text)
}

func (s *eventStream) flush() {
	if s.err == nil {
		s.err = s.control.Flush()
	}
}

// removeDeadline lets the connection serve other requests.
func (s *eventStream) removeDeadline() { _ = s.control.SetWriteDeadline(time.Time{}) }
