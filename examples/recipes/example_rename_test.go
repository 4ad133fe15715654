package recipes_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Before is the type of the processes that run now.
type Before struct {
	Mail  string `redis:"mail"`
	Price int64  `redis:"price"` // in euros
}

// During reads both names and writes the old one, so that processes of both
// types can run side by side. It is deployed first.
type During struct {
	Email string `redis:"mail,was=email"`
	Price int64  `redis:"price"`
	Cents *int64 `redis:"cents"` // a new field: nil until it is written
}

// After writes the new name. It is deployed when every process has During.
type After struct {
	Email string `redis:"email,was=mail"`
	Cents *int64 `redis:"cents"`
	Price int64  `redis:"price"` // to be removed when every record has cents
}

// cents moves a record from euros to cents. Mutate runs again on fresh data if
// another writer came first, so it can run while the service writes.
func cents(a *After) error {
	if a.Cents == nil {
		n := 100 * a.Price
		a.Cents = &n
	}
	return nil
}

// Renaming a field and changing what it contains, while processes of the old
// and of the new type read and write.
func Example_rename() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	before, err1 := symphony.NewTable[Before](pools, "acme", "plans", symphony.NoTTL())
	during, err2 := symphony.NewTable[During](pools, "acme", "plans", symphony.NoTTL())
	after, err3 := symphony.NewTable[After](pools, "acme", "plans", symphony.NoTTL())
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			log.Fatal(err)
		}
	}
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}

	check(before.Upsert(ctx, "p1", Before{"a@example.com", 5}))
	check(during.Upsert(ctx, "p2", During{Email: "b@example.com", Price: 7}))
	old, err := before.Get(ctx, "p2")
	check(err)
	fmt.Println("an old process reads", old.Mail)

	// Step 2: After is everywhere, and moves the records nobody has written.
	existing := after.With(symphony.IfExists(), symphony.KeepTTL())
	for id, err := range after.IDs(ctx) {
		check(err)
		_, err = existing.Mutate(ctx, id, cents)
		check(err)
	}
	for _, id := range []string{"p1", "p2"} {
		plan, err := after.Get(ctx, id)
		check(err)
		fmt.Println(id, plan.Email, *plan.Cents)
	}
	// Output:
	// an old process reads b@example.com
	// p1 a@example.com 500
	// p2 b@example.com 700
}
