package symphony_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Export and Import move a tenant to another server.
func ExampleExport() {
	ctx := context.Background()
	from, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer from.Close()
	to, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer to.Close()
	notes, err := symphony.NewGeneric[string](from, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := notes.Set(ctx, "greeting", "hello"); err != nil {
		log.Fatal(err)
	}

	var file bytes.Buffer
	if err := symphony.Export(ctx, from, "acme", &file); err != nil {
		log.Fatal(err)
	}
	if err := symphony.Import(ctx, to, &file); err != nil {
		log.Fatal(err)
	}
	moved, err := symphony.NewGeneric[string](to, "acme")
	if err != nil {
		log.Fatal(err)
	}
	greeting, err := moved.Get(ctx, "greeting")
	fmt.Println(greeting, err)
	// Output: hello <nil>
}
