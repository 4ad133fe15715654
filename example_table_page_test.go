package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Ticket is a row with two indexes.
type Ticket struct {
	Status string    `redis:"status,index"`
	Opened time.Time `redis:"opened,index"`
}

var (
	TicketStatus = hashrepo.FieldOf(func(t *Ticket) *string { return &t.Status })
	TicketOpened = hashrepo.FieldOf(func(t *Ticket) *time.Time { return &t.Opened })
)

// Page returns rows in the order of an indexed field, a few at a time.
func ExampleTable_page() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	tickets, err := symphony.NewTable[Ticket](pools, "acme", "tickets", symphony.NoTTL())
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range tickets.Reindex(ctx) { // once for each tenant
		if err != nil {
			log.Fatal(err)
		}
	}
	monday := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	for i, status := range []string{"open", "done", "open", "open"} {
		err := tickets.Upsert(ctx, fmt.Sprint("t", i), Ticket{status, monday.AddDate(0, 0, i)})
		if err != nil {
			log.Fatal(err)
		}
	}

	newest := hashrepo.Query[Ticket]{
		Where: []hashrepo.Cond[Ticket]{TicketStatus.Eq("open")},
		Order: TicketOpened.Desc(),
		Limit: 2,
	}
	for {
		page, err := tickets.Page(ctx, newest)
		if err != nil {
			log.Fatal(err)
		}
		for _, ticket := range page.Records {
			fmt.Println(ticket.ID, ticket.Value.Opened.Weekday())
		}
		if page.Next == "" {
			break
		}
		fmt.Println("--")
		newest.After = page.Next
	}
	// Output:
	// t3 Thursday
	// t2 Wednesday
	// --
	// t0 Monday
}
