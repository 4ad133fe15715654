package recipes_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// outbox stands for a table of another database. A transaction of that database
// inserts a row together with the change that causes the work, so work is never
// there without its change, and no change without its work:
//
//	CREATE TABLE outbox (id bigserial PRIMARY KEY, tenant text, job text)
type outbox struct{ rows []row }

type row struct{ ID, Tenant, Job string }

// relay moves rows into queues, and deletes a row only after Redis has taken
// it. If it dies in between, it sends the row again.
func (o *outbox) relay(ctx context.Context, pools *pool.Pools) error {
	for _, r := range o.rows { // SELECT ... FOR UPDATE SKIP LOCKED
		jobs, err := symphony.NewBatch[row](pools, r.Tenant)
		if err != nil {
			return err
		}
		if _, err := jobs.Enqueue(ctx, symphony.Queue{Service: "outbox", Entity: "all", Action: "do"}, r); err != nil {
			return err
		}
	}
	o.rows = nil // DELETE
	return nil
}

// Done is a record of a job that was done.
type Done struct {
	At time.Time `redis:"at"`
}

// An outbox: work that another database's transaction causes. A row may come
// twice, so the handler stores which rows are done.
func Example_outbox() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	for range 2 { // the relay died before it deleted the row, and ran again
		o := outbox{rows: []row{{"42", "acme", "send the invoice"}}}
		if err := o.relay(ctx, pools); err != nil {
			log.Fatal(err)
		}
	}

	handle := func(ctx context.Context, tenant string, _ symphony.Queue, items []listrepo.Item[row]) error {
		defer stop() // of this example: one batch is enough
		done, err := symphony.NewTable[Done](pools, tenant, "done", symphony.TTL(7*24*time.Hour))
		if err != nil {
			return err
		}
		for _, item := range items {
			if known, err := done.Exists(ctx, item.Value.ID); err != nil || known {
				if err != nil {
					return err
				}
				continue
			}
			fmt.Println(item.Value.Job) // if this process dies here, it is done again: make it idempotent, too
			err := done.With(symphony.IfAbsent()).Upsert(ctx, item.Value.ID, Done{time.Now()})
			if err != nil && !errors.Is(err, symphony.ErrExists) {
				return err
			}
		}
		return nil
	}
	if err := symphony.WorkBatches(ctx, pools, "outbox", handle, symphony.WorkConfig{}); err != nil {
		log.Fatal(err)
	}
	// Output: send the invoice
}
