package symphony_test

import (
	"errors"
	"fmt"

	"github.com/symphony-go/symphony"
)

// logWorkError logs the queue, and the panic if the handler panicked.
func logWorkError(err error) {
	var work *symphony.WorkError
	if errors.As(err, &work) {
		fmt.Println("tenant", work.Tenant, "queue", work.Queue.Action)
	}
	var panicked *symphony.PanicError
	if errors.As(err, &panicked) {
		fmt.Println("panic:", panicked.Value) // Stack says where
	}
}

// WorkBatches reports each error that does not stop it as a WorkError.
func ExampleWorkError() {
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	logWorkError(&symphony.WorkError{
		Tenant: "acme", Queue: queue, Err: &symphony.PanicError{Value: "no template"},
	})
	// Output:
	// tenant acme queue send
	// panic: no template
}
