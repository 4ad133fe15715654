package symphony

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/tenancy"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// exportVersion is the version of the format that docs/tenants.md describes.
const exportVersion = 1

// exportLine is a line of an export: the first one, a record, or the last one.
type exportLine struct {
	Version int  `json:"symphony,omitempty"` // of the first line, with Tenant
	Tenant  text `json:"tenant,omitempty"`

	Kind    string     `json:"kind,omitempty"`
	Pool    pool.Alias `json:"pool,omitempty"`
	Parts   []text     `json:"parts,omitempty"`
	Type    string     `json:"type,omitempty"`
	Expires int64      `json:"expires,omitempty"`
	Values  [][]byte   `json:"values,omitempty"`
	Fields  []int64    `json:"fieldExpires,omitempty"`
	Due     int64      `json:"due,omitempty"`    // of a trigger
	Rule    *rule      `json:"rule,omitempty"`   // of a recurring trigger
	Codec   *string    `json:"codec,omitempty"`  // of the payload of a trigger, which is its value
	Firing  *firing    `json:"firing,omitempty"` // if the trigger has fired
	Dead    []died     `json:"dead,omitempty"`   // of a queue: the values are dead letters

	Lines *int64 `json:"lines,omitempty"` // of the last line: how many are between
}

// rule is the rule of a recurring trigger: a period in milliseconds, or a spec
// and its time zone.
type rule struct {
	Every int64  `json:"every,omitempty"`
	Cron  string `json:"cron,omitempty"`
	Zone  string `json:"zone,omitempty"`
}

// isValid reports whether a trigger can have such a rule. A spec and a zone
// that this machine does not know are valid: another one may fire the trigger.
func (r *rule) isValid() bool {
	if r.Cron == "" {
		return r.Every >= 1000 && r.Zone == "" && r.Every <= math.MaxInt64/int64(time.Millisecond)
	}
	return r.Every == 0 && r.Zone != "" && !strings.ContainsAny(r.Zone, " \x00")
}

// firing is what an export has of a trigger that has fired.
type firing struct {
	Next     int64 `json:"next"` // when its next attempt is; 0 if it ran
	Attempts int   `json:"attempts"`
	Failures int   `json:"failures"`
	Expired  int   `json:"expiredLeases"`
	Error    text  `json:"error,omitempty"`
	Died     int64 `json:"died,omitempty"` // when it became a dead letter; 0 if it is none
}

// died is what an export has of a dead letter of a queue, apart from its value.
type died struct {
	ID      text  `json:"id"`
	At      int64 `json:"at"`
	Attempt int   `json:"attempt"`
	Reason  text  `json:"reason"`
}

// text is a string that JSON writes in base64, because an id may be text that
// is not UTF-8.
type text string

// MarshalJSON writes the text.
func (t text) MarshalJSON() ([]byte, error) { return json.Marshal([]byte(t)) }

// UnmarshalJSON reads the text.
func (t *text) UnmarshalJSON(data []byte) error {
	var b []byte
	err := json.Unmarshal(data, &b)
	*t = text(b)
	return err
}

func toTexts(parts []string) []text {
	texts := make([]text, len(parts))
	for i, part := range parts {
		texts[i] = text(part)
	}
	return texts
}

func toStrings(texts []text) []string {
	parts := make([]string, len(texts))
	for i, t := range texts {
		parts[i] = string(t)
	}
	return parts
}

// queue returns the queue of a line.
func (l *exportLine) queue() Queue {
	return Queue{string(l.Parts[0]), string(l.Parts[1]), string(l.Parts[2])}
}

// Export writes everything that a tenant stores to w, in a format that does not
// depend on the version of the server, on the layout or on the prefixes of
// keys. [Import] reads it. docs/tenants.md describes the format.
//
// It exports records and values with their lifetimes as absolute times, items
// of queues, and triggers with their payloads. Running work is exported as work
// that waits: items in flight and items that wait for another attempt stand in
// front of the others of their queue, as if they had not been delivered, and a
// trigger that has fired waits for its next attempt. Dead letters of queues and
// triggers stay dead letters; those that another program wrote are left out.
// The order of serial and quiet queues is not exported. Lists and indexes are
// not either: after the import, run [hashrepo.HashRepo.Reindex]. Triggers that
// another service set are exported once a listener has found them.
//
// Export walks the databases with SCAN. It sends TYPE, and then a read and
// PEXPIRETIME for each record, a page in one round trip. It holds a page of
// records. It is not atomic: what changes during the call may be
// in the export or not, so stop the writers of the tenant for an exact copy.
//
// If the export ends early, its last line is missing, and Import returns an
// error. Export returns the errors of w. If the tenant has a key that is not a
// string, hash, list, set or sorted set, it returns [ErrUnsupported]. If the
// line of a record is larger than four times MaxValueBytes of [pool.Config], it
// returns [ErrTooLarge]. Other errors and options are those of [Erase].
func Export(ctx context.Context, pools *pool.Pools, tenant string, w io.Writer, opts ...Option) error {
	walk, _, err := newTenantWalk(pools, "Export", 0, opts)
	if err != nil {
		return err
	}
	if err := tenancy.CheckTenant(walk.Layout, tenant); err != nil {
		return fmt.Errorf("symphony: %w", err)
	}
	walk.Tenant = tenant
	ctx = inOperation(ctx, pools, "Export", tenant)
	e := exporter{walk, w, 0}
	if err := e.encode(exportLine{Version: exportVersion, Tenant: text(tenant)}); err != nil {
		return err
	}
	for r, err := range walk.Records(ctx) {
		if err != nil {
			return err
		}
		line := exportLine{Kind: r.Kind, Pool: r.Pool, Parts: toTexts(r.Parts), Type: r.Type, Expires: r.Expires, Values: r.Values, Fields: r.FieldExpires}
		if r.Kind == tenancy.Queue {
			err = e.writeQueue(ctx, line)
		} else {
			err = e.write(line)
		}
		if err != nil {
			return err
		}
	}
	if err := e.writeTriggers(ctx); err != nil {
		return err
	}
	return e.encode(exportLine{Lines: &e.lines})
}

// exporter writes the lines of an export.
type exporter struct {
	*tenancy.Walk
	out   io.Writer
	lines int64
}

func (e *exporter) write(line exportLine) error {
	e.lines++
	return e.encode(line)
}

func (e *exporter) encode(line exportLine) error {
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if limit := maxLine(e.Pools); len(data) > limit {
		parts := fmt.Sprintf("%.200q", toStrings(line.Parts))
		return fault.Target{Op: "Export", Pool: line.Pool}.NotApplied(fmt.Errorf("%w: the line of the %s %s has %d bytes, but a line may have %d, four times Config.MaxValueBytes; raise that field",
			fault.ErrTooLarge, line.Kind, parts, len(data), limit))
	}
	_, err = e.out.Write(append(data, '\n'))
	return err
}

// maxLine returns how many bytes a line of an export may have.
func maxLine(p *pool.Pools) int { return 4 * p.MaxValueBytes() }

// batchOf returns the queues of the tenant of a walk, with items as they are
// stored.
func batchOf(w *tenancy.Walk, a pool.Alias, opts ...Option) (*Batch[[]byte], error) {
	return newBatch[[]byte](w.Pools, batchKeys{w.Layout.BatchList, w.Layout.PendingSet}, w.Tenant, append([]Option{On(a)}, opts...))
}

// writeQueue writes the items of a queue in the order in which they would be
// delivered, in lines of limited sizes.
func (e *exporter) writeQueue(ctx context.Context, line exportLine) error {
	batch, err := batchOf(e.Walk, line.Pool)
	if err != nil {
		return err
	}
	q := line.queue()
	repo, err := batch.queue(q)
	if err != nil {
		return err
	}
	left, err := repo.TTL(ctx, q.Action)
	if err == nil && left != listrepo.NoExpiry {
		line.Expires = time.Now().Add(left).UnixMilli()
	}
	if err != nil && !errors.Is(err, fault.ErrNotFound) {
		return err
	}
	size := 0
	for item, err := range undelivered(ctx, batch, repo, q) {
		if err != nil {
			return err
		}
		if len(line.Values) > 0 && size+len(item) > queueLineBytes || len(line.Values) == listrepo.MaxCount {
			if err := e.write(line); err != nil {
				return err
			}
			line.Values, size = line.Values[:0], 0
		}
		line.Values, size = append(line.Values, item), size+len(item)
	}
	if len(line.Values) > 0 {
		if err := e.write(line); err != nil {
			return err
		}
	}
	return e.writeDead(ctx, batch, q, line)
}

// writeDead writes the dead letters of a queue, in lines of limited sizes.
func (e *exporter) writeDead(ctx context.Context, batch *Batch[[]byte], q Queue, line exportLine) error {
	line.Values, line.Expires = nil, 0 // the lifetime of the queue is not that of dead letters
	size := 0
	for d, err := range batch.Dead(ctx, q) {
		if err != nil && d.ID != "" {
			continue // another program wrote it
		}
		if err != nil {
			return err
		}
		if len(line.Values) > 0 && size+len(d.Raw) > queueLineBytes || len(line.Values) == listrepo.MaxCount {
			if err := e.write(line); err != nil {
				return err
			}
			line.Values, line.Dead, size = nil, nil, 0
		}
		line.Values, size = append(line.Values, d.Raw), size+len(d.Raw)
		line.Dead = append(line.Dead, died{text(d.ID), d.At.UnixMilli(), d.Attempt, text(d.Reason)})
	}
	if len(line.Values) == 0 {
		return nil
	}
	return e.write(line)
}

// queueLineBytes is the size of the items in a line of a queue. A larger item
// has a line of its own.
const queueLineBytes = 1 << 20

// undelivered iterates over the items of a queue in the order in which they
// would be delivered if no claim and no delay kept them.
func undelivered(ctx context.Context, batch *Batch[[]byte], repo *listrepo.ListRepo[[]byte], q Queue) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, held := range []iter.Seq2[listrepo.HeldItem[[]byte], error]{batch.Claimed(ctx, q), batch.Delayed(ctx, q)} {
			for h, err := range held {
				if !yield(h.Value, err) || err != nil {
					return
				}
			}
		}
		for item, err := range repo.All(ctx, q.Action) {
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// writeTriggers writes the triggers of all pools.
func (e *exporter) writeTriggers(ctx context.Context) error {
	for _, a := range e.aliases() {
		schedule, err := expiry.NewSchedule(e.Pools, a, e.Layout.Trigger, e.Tenant, option.Paced(e.Pace))
		if err != nil {
			return err
		}
		for t, err := range schedule.List(ctx) {
			if err != nil && t.State == expiry.StateDead {
				continue // another program wrote it
			}
			if err != nil {
				return err
			}
			line := exportLine{Kind: tenancy.Trigger, Pool: a, Parts: []text{text(t.Action), text(t.ID)}, Due: t.DueAt.UnixMilli()}
			if t.State != expiry.StatePending {
				line.Firing = &firing{Attempts: t.Attempt, Failures: t.Failures, Expired: t.ExpiredLeases, Error: text(t.LastError)}
			}
			switch {
			case t.State == expiry.StateDead:
				line.Firing.Died = max(t.At.UnixMilli(), 1)
			case t.State == expiry.StateWaiting && !t.At.IsZero():
				line.Firing.Next = t.At.UnixMilli()
			}
			if !t.Rule.IsZero() {
				line.Rule = &rule{t.Rule.Every.Milliseconds(), t.Rule.Cron, t.Rule.Zone}
			}
			if name, data, ok := t.Payload(internal.NotForPublicUse{}); ok {
				line.Codec, line.Values = &name, [][]byte{data}
			}
			if err := e.write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *exporter) aliases() []pool.Alias {
	if e.Alias != "" {
		return []pool.Alias{e.Alias}
	}
	return e.Pools.Aliases()
}

// Import reads an export of [Export] and writes what it holds, for the same
// tenant and to the pools of the same aliases, with the keys of the layout of
// these pools. Lifetimes end when they would have ended; what has expired
// meanwhile is not written. Afterwards, run [hashrepo.HashRepo.Reindex] for the
// spaces that have a list or indexes.
//
// If the tenant has anything already, Import returns [ErrExists] and writes
// nothing. With [DryRun] it checks every line, and whether the tenant exists,
// and writes nothing. With [IntoExisting] it replaces records, adds items to
// queues, and sets triggers anew. A listener may run meanwhile. It may fire a
// trigger that is due before a firing of the same action and id is imported,
// but not beside it.
//
// Each record is written in one transaction, and each queue by the scripts of
// [Batch.Enqueue]. Import as a whole is not atomic. If the export ends before
// its last line, the error is [io.ErrUnexpectedEOF], and MaybeApplied is true:
// remove the tenant with [Erase] and import a whole export. If it is not an
// export or has another version, or if a line is invalid, the error is
// [ErrInvalidArgument]. If a line is larger than four times MaxValueBytes of
// [pool.Config], or a value than MaxValueBytes, it is [ErrTooLarge]. If a field
// has a lifetime and the server does not support it, it is [ErrUnsupported].
// Other errors and options are those of [Erase].
func Import(ctx context.Context, pools *pool.Pools, r io.Reader, opts ...Option) error {
	w, settings, err := newTenantWalk(pools, "Import", option.Imports|option.DryRuns, opts)
	if err != nil {
		return err
	}
	ctx = inOperation(ctx, pools, "Import", "")
	in := lineReader{in: bufio.NewReader(r), limit: maxLine(pools)}
	first, err := in.next()
	switch {
	case errors.Is(err, fault.ErrTooLarge):
		return fmt.Errorf("symphony: %w", err)
	case errors.Is(err, fault.ErrInvalidArgument), err == nil && first.Version != exportVersion:
		return fmt.Errorf("symphony: %w: the text is not an export of version %d", fault.ErrInvalidArgument, exportVersion)
	case err != nil:
		return fmt.Errorf("symphony: the first line of the export: %w", err)
	}
	if err := tenancy.CheckTenant(w.Layout, string(first.Tenant)); err != nil {
		return fmt.Errorf("symphony: %w", err)
	}
	w.Tenant = string(first.Tenant)
	if !settings.IntoExisting {
		found, err := count(ctx, *w)
		if err == nil && len(found) > 0 {
			err = fault.Target{Op: "Import"}.NotApplied(fmt.Errorf("%w: the tenant %q; remove it with Erase first, or use IntoExisting", fault.ErrExists, w.Tenant))
		}
		if err != nil {
			return err
		}
	}
	return importer{w, settings.DryRun}.importLines(ctx, &in)
}

// lineReader reads the lines of an export.
type lineReader struct {
	in    *bufio.Reader
	limit int
}

// next reads a line. If the text ends before the line does, the error is
// [io.ErrUnexpectedEOF].
func (r *lineReader) next() (line exportLine, err error) {
	var data []byte
	for {
		part, err := r.in.ReadSlice('\n')
		if len(data)+len(part) > r.limit {
			return line, fmt.Errorf("%w: it has more than %d bytes, four times Config.MaxValueBytes; raise that field", fault.ErrTooLarge, r.limit)
		}
		data = append(data, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return line, err
		}
		line.Values = make([][]byte, 0, bytes.Count(data, []byte{'"'})/2) // a slice that grows takes three times as much
		switch failed := json.Unmarshal(data, &line); {
		case failed == nil:
			return line, nil
		case err != nil && isCut(data):
			return line, io.ErrUnexpectedEOF
		default:
			return line, fmt.Errorf("%w: %w", fault.ErrInvalidArgument, failed)
		}
	}
}

// isCut reports whether a text is the beginning of JSON.
func isCut(data []byte) bool {
	err := json.NewDecoder(bytes.NewReader(data)).Decode(new(any))
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// importer writes the lines of an export, or with DryRun only checks them.
type importer struct {
	*tenancy.Walk
	dryRun bool
}

func (w importer) importLines(ctx context.Context, in *lineReader) error {
	var steps fault.Steps
	t := fault.Target{Op: "Import", Write: true}
	for n := int64(0); ; n++ {
		line, err := in.next()
		switch {
		case err != nil:
		case line.Lines == nil:
			err = line.check()
		case *line.Lines == n:
			return nil
		case *line.Lines > n:
			err = fmt.Errorf("%w: the end of the export says that it has %d lines, but there are %d", io.ErrUnexpectedEOF, *line.Lines, n)
		default:
			err = invalidLine("the end of the export says that it has %d lines, but there are %d", *line.Lines, n)
		}
		if err != nil {
			return steps.Error(t, t.NotApplied(fmt.Errorf("line %d of the export: %w", n+2, err)))
		}
		err = w.importLine(ctx, line)
		if err != nil && !errors.As(err, new(*OpError)) { // nothing was sent
			err = t.NotApplied(fmt.Errorf("line %d of the export: %w", n+2, err))
		}
		if err != nil {
			return steps.Error(t, err)
		}
		if !w.dryRun {
			steps.Applied()
		}
	}
}

// check returns ErrInvalidArgument if Export does not write such a line.
// Restore checks what belongs to the Redis type of a record.
func (l *exportLine) check() error {
	latest := int64(1) << 53 // the last number before which scripts have all whole numbers
	switch {
	case l.Kind == "":
		return invalidLine("it has no kind")
	case l.Expires < 0:
		return invalidLine("the end of the lifetime is negative")
	case l.Kind == tenancy.Queue && len(l.Parts) != 3:
		return invalidLine("a queue has three parts, and not %d", len(l.Parts))
	case l.Kind == tenancy.Queue && len(l.Values) == 0:
		return invalidLine("the queue has no items")
	case l.Dead != nil && (l.Kind != tenancy.Queue || len(l.Dead) != len(l.Values)):
		return invalidLine("each dead letter of a queue has one value")
	case slices.ContainsFunc(l.Dead, func(d died) bool { return !d.isValid(latest) }):
		return invalidLine("a dead letter of a queue has no id, time or attempt")
	case l.Kind != tenancy.Trigger:
		return nil
	case len(l.Parts) != 2:
		return invalidLine("a trigger has two parts, and not %d", len(l.Parts))
	case l.Codec != nil && len(l.Values) != 1, l.Codec == nil && len(l.Values) != 0:
		return invalidLine("a trigger has a payload and its codec, or neither")
	case l.Due <= 0 || l.Due > latest:
		return invalidLine("%d is not a due time", l.Due)
	case l.Rule != nil && !l.Rule.isValid():
		return invalidLine("the rule of a recurring trigger has a period of at least a second, or a spec and a zone")
	}
	if f := l.Firing; f != nil {
		if f.Next < 0 || f.Next > latest || f.Died < 0 || f.Died > latest {
			return invalidLine("%d is not the time of an attempt", f.Next)
		}
		for _, n := range []int{f.Attempts, f.Failures, f.Expired} {
			if n < 0 || n > maxAttempts {
				return invalidLine("%d is not a number of attempts", n)
			}
		}
	}
	return nil
}

// isValid reports whether a queue can have such a dead letter. Retry refuses
// other ids.
func (d *died) isValid(latest int64) bool {
	return d.ID != "" && !strings.ContainsAny(string(d.ID), "= \t\n\v\f\r") && d.At > 0 && d.At <= latest && d.Attempt > 0 && d.Attempt <= maxAttempts
}

// maxAttempts is the largest number of attempts that a firing can have.
const maxAttempts = 1_000_000_000

func invalidLine(format string, args ...any) error {
	return fmt.Errorf("%w: %s", fault.ErrInvalidArgument, fmt.Sprintf(format, args...))
}

func (w importer) importLine(ctx context.Context, line exportLine) error {
	if w.Alias != "" {
		line.Pool = w.Alias
	}
	switch line.Kind {
	case tenancy.Queue:
		return w.importQueue(ctx, line)
	case tenancy.Trigger:
		return w.importTrigger(ctx, line)
	}
	r := tenancy.Record{
		Kind: line.Kind, Pool: line.Pool, Parts: toStrings(line.Parts), Type: line.Type, Expires: line.Expires, Values: line.Values, FieldExpires: line.Fields,
	}
	if w.dryRun {
		return w.CheckRecord(r)
	}
	return w.Restore(ctx, r)
}

func (w importer) importQueue(ctx context.Context, line exportLine) error {
	var opts []Option
	if line.Expires > 0 {
		left := time.Until(time.UnixMilli(line.Expires))
		if left < time.Millisecond {
			return nil // the queue has expired
		}
		opts = append(opts, TTL(left))
	}
	batch, err := batchOf(w.Walk, line.Pool, opts...)
	if err != nil {
		return err
	}
	if w.dryRun {
		_, err := batch.queue(line.queue())
		return cmp.Or(err, w.checkSizes(line))
	}
	if line.Dead != nil {
		return importDead(ctx, batch, line)
	}
	for items := range slices.Chunk(line.Values, listrepo.MaxCount) {
		if _, err := batch.Enqueue(ctx, line.queue(), items...); err != nil {
			return fault.WithOp("Import", err)
		}
	}
	return nil
}

// checkSizes returns ErrTooLarge if a value of a line is too large.
func (w importer) checkSizes(line exportLine) error {
	for _, value := range line.Values {
		if limit := w.Pools.MaxValueBytes(); len(value) > limit {
			return fmt.Errorf("%w: a value has %d bytes, but Config.MaxValueBytes is %d; raise that field", fault.ErrTooLarge, len(value), limit)
		}
	}
	return nil
}

func importDead(ctx context.Context, batch *Batch[[]byte], line exportLine) error {
	q := line.queue()
	repo, err := batch.queue(q)
	if err != nil {
		return err
	}
	letters := make([]listrepo.DeadLetter[[]byte], len(line.Dead))
	for i, d := range line.Dead {
		letters[i] = listrepo.DeadLetter[[]byte]{
			Item: listrepo.Item[[]byte]{ID: string(d.ID), Attempt: d.Attempt}, Raw: line.Values[i], Reason: string(d.Reason), At: time.UnixMilli(d.At),
		}
	}
	return repo.RestoreDead(ctx, internal.NotForPublicUse{}, q.Action, letters...)
}

func (w importer) importTrigger(ctx context.Context, line exportLine) error {
	opts := []Option{}
	if line.Codec != nil {
		opts = append(opts, Codec(storedPayload{*line.Codec, line.Values[0]}))
	}
	schedule, err := expiry.NewSchedule(w.Pools, line.Pool, w.Layout.Trigger, w.Tenant, opts...)
	if err != nil {
		return err
	}
	action, id := string(line.Parts[0]), string(line.Parts[1])
	if w.dryRun {
		_, err := schedule.Key(action, id)
		return cmp.Or(fault.WithOp("Import", err), w.checkSizes(line))
	}
	after := max(time.Until(time.UnixMilli(line.Due)).Round(time.Millisecond), 0)
	e := expiry.Event{Action: action, ID: id, DueAt: time.UnixMilli(line.Due)}
	if r := line.Rule; r != nil {
		e.Rule = expiry.Rule{Every: time.Duration(r.Every) * time.Millisecond, Cron: r.Cron, Zone: r.Zone}
	}
	if f := line.Firing; f != nil {
		e.Attempt, e.Failures, e.ExpiredLeases, e.LastError = f.Attempts, f.Failures, f.Expired, string(f.Error)
		return schedule.RestoreFiring(ctx, internal.NotForPublicUse{}, e, time.UnixMilli(max(f.Next, f.Died)), f.Died > 0, line.Codec != nil)
	}
	switch {
	case line.Rule != nil:
		err = schedule.RestoreRecurring(ctx, internal.NotForPublicUse{}, e, line.Codec != nil)
	case line.Codec == nil:
		err = schedule.Set(ctx, action, id, after)
	default:
		err = schedule.SetPayload(ctx, action, id, nil, after)
	}
	return fault.WithOp("Import", err)
}

// storedPayload is a codec with which a payload is stored as it was exported.
type storedPayload struct {
	name string
	data []byte
}

// Name returns the name of the codec of the payload.
func (p storedPayload) Name() string { return p.name }

// Marshal returns the payload.
func (p storedPayload) Marshal(any) ([]byte, error) { return p.data, nil }

// Unmarshal is not called: nothing is read with this codec.
func (p storedPayload) Unmarshal([]byte, any) error { return fault.ErrUnsupported }
