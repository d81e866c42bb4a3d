/* See board.c. */
void say(const char* text);
void say_number(const char* name, unsigned long value);
void leave(int code);
unsigned long ticks(void);
unsigned long stack_used(void);
