package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

// Trigger is a trigger or a firing.
type Trigger struct {
	Tenant        string          `json:"tenant"`
	Action        string          `json:"action"`
	ID            string          `json:"id"`
	State         expiry.State    `json:"state"`
	At            time.Time       `json:"at"` // as in expiry.Entry
	DueAt         time.Time       `json:"due_at"`
	Rule          string          `json:"rule,omitempty"` // of a recurring trigger, as text
	Attempt       int             `json:"attempt"`
	Failures      int             `json:"failures"`
	ExpiredLeases int             `json:"expired_leases"`
	LastError     string          `json:"last_error,omitempty"`
	Payload       json.RawMessage `json:"payload,omitempty"`
	Problem       string          `json:"problem,omitempty"` // of an invalid entry
}

// Triggers iterates over the triggers of the tenant of a filter in the given
// states, or in all states, as [symphony.Trigger.List] does. Of the other parts
// of the filter, only the action has a meaning. An error ends the loop.
func Triggers(ctx context.Context, pools *pool.Pools, f Filter, view View, states ...expiry.State) iter.Seq2[Trigger, error] {
	return func(yield func(Trigger, error) bool) {
		triggers, err := symphony.NewTrigger(pools, f.Tenant, append(paceOf(ctx).options(), symphony.On(f.expiry()))...)
		if err != nil {
			yield(Trigger{}, err)
			return
		}
		for e, err := range triggers.List(ctx, states...) {
			if err != nil && e.Action == "" {
				yield(Trigger{}, err)
				return
			}
			if f.Action != "" && e.Action != f.Action {
				continue
			}
			t := Trigger{
				Tenant: e.Tenant, Action: e.Action, ID: e.ID, State: e.State, At: e.At, DueAt: e.DueAt, Rule: e.Rule.String(), Attempt: e.Attempt, Failures: e.Failures,
				ExpiredLeases: e.ExpiredLeases, LastError: e.LastError, Payload: view.payload(e.Event),
			}
			if err != nil {
				t.Problem = err.Error()
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}

func (f Filter) expiry() pool.Alias { return cmp.Or(f.Pool, pool.Expiry) }

// payload returns the payload of an event as JSON. Its codec is that with which
// it was encoded. The result is nil if there is no payload.
func (v View) payload(e expiry.Event) json.RawMessage {
	if !e.HasPayload() {
		return nil
	}
	var value codec.Value
	if err := e.Decode(&value); err != nil {
		text, _ := json.Marshal(err.Error()) // a string has JSON
		return text
	}
	return View{Codec: value.Codec(), Redact: v.Redact}.show(value.Bytes())
}
