/* A library whose constructor and destructor do what the program that opens it
 * tells them. For preempt_inside and preempt_dlopen. */

extern void plugin_constructed(void), plugin_destroyed(void);

__attribute__((constructor)) static void construct(void)
{
    plugin_constructed();
}

__attribute__((destructor)) static void destroy(void)
{
    plugin_destroyed();
}
