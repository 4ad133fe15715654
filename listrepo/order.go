package listrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
)

var (
	//go:embed lua/order.lua
	orderSource string
	//go:embed lua/put_off.lua
	putOffSource string

	putOffScript = store.NewScript(pending.ScheduleSource+sharedSource+orderSource+putOffSource, store.Either(store.Flag, store.Tuple(store.Number)))
)

// PutOff puts off the time at which a queue hands out its items, as a push with
// the option [Quiet] does: nothing is handed out before the time quiet has
// passed from now, but no later than atMost after the first push that waits. It
// is for a sign that more is to come, such as a user who is typing.
//
// PutOff sends one script, which is atomic. It renews the lifetime of the queue
// as a push does.
//
// If no item of the queue waits, PutOff returns [ErrNotFound] and changes
// nothing. If the repository does not have the option Quiet, or has the option
// [IfAbsent], it returns [ErrUnsupported] and sends nothing.
func (r *ListRepo[T]) PutOff(ctx context.Context, id string) error {
	t, err := r.core.BeginWrite(ctx, "PutOff", id)
	if err == nil {
		err = r.core.RefuseAbsent(t)
	}
	if err != nil {
		return err
	}
	if r.core.Quiet == 0 {
		return t.NotApplied(fmt.Errorf("%w: the repository has no option Quiet, which says for how long to put off; add it to New or With", fault.ErrUnsupported))
	}
	return r.core.putOff(ctx, t)
}

// putOff runs the script.
func (q *queue) putOff(ctx context.Context, t fault.Target) error {
	m, err := q.unconditional().Run(ctx, t, putOffScript, []string{q.ordering(), q.marks.Queue, q.tenant}, append([]string{beside(t, queuekey.Due)}, q.schedule()...)...)
	if err != nil {
		return q.nameWrongType(ctx, t, err)
	}
	if !m.IsArray() {
		return t.NotApplied(fmt.Errorf("%w: no item of the queue waits", fault.ErrNotFound))
	}
	from, err := m.AsIntSlice()
	if err == nil && len(from) != 1 {
		err = fmt.Errorf("the reply of put_off.lua has %d elements, expected 1", len(from))
	}
	if err != nil {
		return t.Applied(err)
	}
	return q.renewBeside(ctx, t, from[0])
}

// hasOrder reports whether the options order a queue.
func (q *queue) hasOrder() bool { return q.Serial || q.Quiet > 0 }

// ordering returns how the options order a queue, as an argument of a script;
// see parseOrdering in lua/order.lua. It is empty if they do not.
func (q *queue) ordering() string {
	if !q.hasOrder() {
		return ""
	}
	serial := "0"
	if q.Serial {
		serial = "1"
	}
	return serial + " " + duration.Milliseconds(q.Quiet) + " " + duration.Milliseconds(q.AtMost)
}

// serialFlag returns the argument of a script that makes a queue serial.
func (q *queue) serialFlag() string {
	if q.Serial {
		return "1"
	}
	return ""
}

// refuseOrdered returns an error of a call that takes items without regard to
// Serial and Quiet, if the repository has one of these options.
func (q *queue) refuseOrdered(t fault.Target) error {
	option := ""
	switch {
	case q.Serial:
		option = "Serial"
	case q.Quiet > 0:
		option = "Quiet"
	default:
		return nil
	}
	return t.NotApplied(fmt.Errorf("%w: %s with the option %s, which it would not keep; use Claim or Process", fault.ErrUnsupported, t.Op, option))
}

// busy is the header that claim.lua returns if the queue is busy. A header
// begins with a digit.
const busy = "busy"

var errBusy = fmt.Errorf("%w: another claim of this serial queue is in flight; claim again when it is settled or its lease has expired", fault.ErrBusy)

// busy returns the error of a claim of a busy queue. If the claim previous was
// to be ended, lost is the error of that.
func (l *lease) busy(previous *lease, lost error) error {
	err := l.target.NotApplied(errBusy)
	switch {
	case previous == nil:
	case lost == nil:
		err = partly(l.target, errBusy)
	default:
		err = errors.Join(lost, err)
	}
	if l.foreign != nil {
		return errors.Join(err, l.foreign)
	}
	return err
}
